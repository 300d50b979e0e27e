// How a report looks: light and dark, on paper and on a phone. The page's content security policy allows this sheet by
// its hash and nothing else: no script, no picture, no font, no other place. Change the sheet and the test tells the hash.

/// The style of a report.
enum ReportStyle {
    /// The page's own content security policy.
    static let policy: HTML = """
        default-src 'none'; style-src 'sha256-\(hash)'; base-uri 'none'; form-action 'none'
        """

    /// SHA-256 of the sheet, in base 64.
    static let hash: HTML = "REPhTXANacae2/E9pNSS1TzkxmfJC5gqXZw67jg87EE="

    static let sheet: HTML = """

        :root{color-scheme:light dark;--bg:#f7f7f5;--panel:#fff;--ink:#1d2125;--soft:#5d646c;--line:#e2e3e6;--back:#eef0f2;
        --accent:#2a62c9;--good:#177245;--goodbg:#e3f3ea;--bad:#b3261e;--badbg:#fbe6e4;--warn:#8a5300;--warnbg:#fbefd9;
        --calmbg:#eceef1;--l0:#8250df;--l1:#2a62c9;--l2:#17827a;--l3:#9a6700;--l4:#c4302b}
        @media (prefers-color-scheme:dark){:root{--bg:#14171a;--panel:#1c2024;--ink:#e6e8ea;--soft:#9aa2ab;--line:#30363c;
        --back:#262b31;--accent:#7fb0ff;--good:#6fd39b;--goodbg:#173526;--bad:#ff938a;--badbg:#431e1c;--warn:#f0bd67;
        --warnbg:#3d2e12;--calmbg:#2b3137;--l0:#b794f6;--l1:#6ea1f5;--l2:#4cc2b5;--l3:#d9a441;--l4:#f0716a}}
        *{box-sizing:border-box}
        html{scroll-behavior:smooth;-webkit-text-size-adjust:100%}
        body{margin:0 auto;max-width:76rem;padding:1.5rem clamp(.75rem,3vw,2.5rem) 4rem;background:var(--bg);color:var(--ink);
        font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif;overflow-wrap:anywhere}
        h1{margin:0;font-size:1.9rem;line-height:1.2;letter-spacing:-.01em;display:flex;flex-wrap:wrap;align-items:center;
        gap:.4rem .8rem}
        h2{margin:0 0 .8rem;font-size:1.15rem}
        .kind{margin:0 0 .2rem;color:var(--soft);font-size:.8rem;letter-spacing:.06em;text-transform:uppercase}
        .task{margin:.5rem 0 0;font-size:1.05rem;color:var(--soft);max-width:70ch}
        code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;font-size:.88em}
        code,td,dd,li span,b,small{unicode-bidi:isolate}
        small{color:var(--soft);font-size:.85em}
        time,.t{font-variant-numeric:tabular-nums;white-space:nowrap;color:var(--soft);font-size:.9em}
        .state,.verdict{display:inline-block;padding:.05em .55em;border-radius:1em;font-size:.82rem;font-weight:600;
        line-height:1.5;letter-spacing:0;background:var(--calmbg);color:var(--soft);white-space:nowrap}
        .verdict{font-size:.78rem}
        .good,.live{background:var(--goodbg);color:var(--good)}
        .state.bad,.verdict.bad{background:var(--badbg);color:var(--bad)}
        strong.bad{color:var(--bad)}
        .warn{background:var(--warnbg);color:var(--warn)}
        dl{margin:0}dd{margin:0}
        .facts{display:grid;grid-template-columns:repeat(auto-fill,minmax(17rem,1fr));gap:.7rem 1.5rem;margin-top:1.2rem}
        .facts dt,.tiles dt{color:var(--soft);font-size:.8rem}
        .tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.2rem,1fr));gap:.6rem;margin:1.4rem 0 0}
        .tiles div{display:flex;flex-direction:column-reverse;justify-content:flex-end;background:var(--panel);
        border:1px solid var(--line);border-radius:.6rem;padding:.6rem .8rem}
        .tiles dd{font-size:1.35rem;font-weight:650;font-variant-numeric:tabular-nums;line-height:1.25}
        .tiles .bad dd{color:var(--bad)}
        nav{position:sticky;top:0;z-index:1;display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;margin:1.2rem 0;padding:.55rem 0;
        background:var(--bg);border-bottom:1px solid var(--line);font-size:.9rem}
        a{color:var(--accent);text-decoration:none}
        a:hover,a:focus-visible{text-decoration:underline}
        section{margin:0 0 1.4rem;padding:1.1rem 1.2rem;background:var(--panel);border:1px solid var(--line);
        border-radius:.7rem;scroll-margin-top:3.4rem}
        table{width:100%;border-collapse:collapse;font-size:.92rem}
        th{padding:0 .8rem .4rem 0;text-align:left;color:var(--soft);font-size:.78rem;font-weight:600;
        border-bottom:1px solid var(--line)}
        td{padding:.45rem .8rem .45rem 0;vertical-align:top;border-bottom:1px solid var(--line)}
        tbody tr:last-child td{border-bottom:0}
        td small,.fix{display:block}
        .rules small{display:inline}
        th.t{font-size:.78rem}
        th.n,td.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
        td.bar{min-width:5rem;padding-top:.75rem}
        td.bar svg{display:block;width:100%;height:.5rem}
        .hosts td code{white-space:nowrap}
        .hosts td:first-child{min-width:9em}
        .settings td:first-child{min-width:15em}
        .back{fill:var(--back)}.fill{fill:var(--accent)}
        .fix{color:var(--good)}
        .left{margin:.6rem 0 0;color:var(--soft);font-size:.88rem}
        details>summary{cursor:pointer}
        section>details{margin-top:.8rem}
        section>details>summary{color:var(--accent);font-size:.92rem}
        .names{margin:.5rem 0 0;font-size:.92rem}
        figure{margin:0 0 1.2rem}
        figcaption{display:flex;flex-wrap:wrap;align-items:center;gap:.15rem .8rem;margin-bottom:.4rem;font-size:.92rem}
        .lane{display:grid;grid-template-columns:5.2rem 1fr;align-items:center;font-size:.8rem;color:var(--soft)}
        .lane svg{display:block;width:100%;height:1.3rem;margin:1px 0}
        .l0 rect:not(.back){fill:var(--l0)}.l1 rect:not(.back){fill:var(--l1)}.l2 rect:not(.back){fill:var(--l2)}
        .l3 rect:not(.back){fill:var(--l3)}.l4 rect:not(.back){fill:var(--l4)}
        .axis{display:flex;justify-content:space-between;margin-left:5.2rem;color:var(--soft);font-size:.75rem;
        font-variant-numeric:tabular-nums}
        .moments{margin:0;padding:0;list-style:none;font-size:.92rem}
        .moments li{display:grid;grid-template-columns:9.6rem 5.6rem 1fr;gap:0 .8rem;padding:.3rem 0;
        border-top:1px solid var(--line)}
        .moments li>span{white-space:pre-wrap}
        .moments .left{display:block;margin:0}
        .tree,.tree ul{margin:0;padding:0;list-style:none}
        .tree ul{margin-left:.45rem;padding-left:1rem;border-left:1px solid var(--line)}
        .tree li{padding:.12rem 0;font-size:.92rem}
        .tree ul>li:not(:has(>details)),.tree>li:not(:has(>details)){padding-left:1.05rem}
        .tree .count{color:var(--accent)}
        .curves{display:grid;grid-template-columns:repeat(auto-fill,minmax(19rem,1fr));gap:.6rem 1.6rem}
        .curve figcaption{justify-content:space-between}
        .curve figcaption span{color:var(--soft);font-size:.82rem}
        .curve svg{display:block;width:100%;height:5.5rem;background:var(--back);border-radius:.3rem}
        .curve polygon{fill:var(--accent);opacity:.16}
        .curve polyline{fill:none;stroke:var(--accent);stroke-width:1.6;vector-effect:non-scaling-stroke;stroke-linejoin:round}
        .curve .axis{margin-left:0}
        .kinds{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;margin:0;color:var(--soft);font-size:.9rem}
        .kinds b{color:var(--ink);font-variant-numeric:tabular-nums}
        pre{margin:.6rem 0 0;padding:.8rem;max-height:34rem;overflow:auto;background:var(--back);border-radius:.4rem;
        white-space:pre-wrap;font-size:.78rem;line-height:1.45}
        footer{margin-top:2rem;color:var(--soft);font-size:.82rem}
        @media (max-width:44rem){
        body{padding-top:1rem;font-size:16px}
        section{padding:.9rem .9rem}
        thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
        table,tbody,tr,td{display:block}
        tr{padding:.55rem 0;border-bottom:1px solid var(--line)}
        tbody tr:last-child{border-bottom:0}
        td,td.bar{text-align:left;border:0;padding:.1rem 0;min-width:0}
        td::before{content:attr(data-l) "  ";color:var(--soft);font-size:.78rem}
        td:first-child::before,td.bar::before{content:none}
        td.none,td.bar{display:none}
        .hosts td:first-child,.settings td:first-child{min-width:0}
        th.n,td.n{text-align:left}
        .moments li{display:block}
        .lane{grid-template-columns:1fr}
        .axis{margin-left:0}
        .tree ul{margin-left:.2rem;padding-left:.6rem}
        nav{flex-wrap:nowrap;overflow-x:auto;white-space:nowrap}
        }
        @page{margin:14mm}
        @media print{
        html{font-size:10px}
        :root{color-scheme:light;--bg:#fff;--panel:#fff;--ink:#000;--soft:#444;--line:#bbb;--back:#eee;--calmbg:#eee}
        body{max-width:none;padding:0;font-size:10px}
        nav,#records details{display:none}
        section{border:0;border-top:1px solid var(--line);border-radius:0;padding:.8rem 0;margin:0}
        tr,figure,.moments li,.tiles div{break-inside:avoid}
        h2{break-after:avoid}
        details::details-content{content-visibility:visible;display:block;height:auto}
        *{-webkit-print-color-adjust:exact;print-color-adjust:exact}
        }

        """
}
