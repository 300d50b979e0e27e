// swift-format-ignore-file
// Written by scripts/embed-profiles from profiles/prices.yaml. Do not edit: edit those files and run it again.
// ModelUsage reads them from here and never from the disk, so that the program needs no
// installed files beside it.

/// The text of the built-in prices.
let embeddedPrices = #"""
# What tokens cost: US dollars for a million, at each provider's own list price without batches, priorities and discounts.
#
# As of 2026-11, from
#   Anthropic  https://platform.claude.com/docs/en/about-claude/pricing
#   OpenAI     https://developers.openai.com/api/docs/pricing
#   Google     https://ai.google.dev/gemini-api/docs/pricing
# Prices change. Yours in ~/.config/cloche/prices.yaml, in the same form, add to these and stand above them.
#
# A key is a model's name, or a pattern with `*`; the longest that fits counts. A date at a name's end need not be there.
# A model that nothing fits has no price, and counts against a limit as the dearest one: so there is no `gpt-*` here.
# Where `cache-read` or `cache-write` is left out, such tokens cost what `input` says.
models:
  claude-fable-5-1: {input: 10, output: 50, cache-read: 0.25, cache-write: 12.50, cache-write-1h: 20}
  claude-mythos-5-1: {input: 10, output: 50, cache-read: 0.25, cache-write: 12.50, cache-write-1h: 20}
  claude-fable-5: {input: 10, output: 50, cache-read: 1, cache-write: 12.50, cache-write-1h: 20}
  claude-mythos-5: {input: 10, output: 50, cache-read: 1, cache-write: 12.50, cache-write-1h: 20}
  claude-opus-5-5: {input: 4, output: 20, cache-read: 0.20, cache-write: 5, cache-write-1h: 8}
  claude-opus-5: {input: 5, output: 25, cache-read: 0.50, cache-write: 6.25, cache-write-1h: 10}
  claude-opus-4-8: {input: 5, output: 25, cache-read: 0.50, cache-write: 6.25, cache-write-1h: 10}
  claude-opus-4-7: {input: 5, output: 25, cache-read: 0.50, cache-write: 6.25, cache-write-1h: 10}
  claude-opus-4-6: {input: 5, output: 25, cache-read: 0.50, cache-write: 6.25, cache-write-1h: 10}
  claude-opus-4-5: {input: 5, output: 25, cache-read: 0.50, cache-write: 6.25, cache-write-1h: 10}
  claude-opus-4-1: {input: 15, output: 75, cache-read: 1.50, cache-write: 18.75, cache-write-1h: 30}
  claude-opus-4: {input: 15, output: 75, cache-read: 1.50, cache-write: 18.75, cache-write-1h: 30}
  claude-opus-4-0: {input: 15, output: 75, cache-read: 1.50, cache-write: 18.75, cache-write-1h: 30}
  claude-3-opus: {input: 15, output: 75, cache-read: 1.50, cache-write: 18.75, cache-write-1h: 30}
  claude-sonnet-5-5: {input: 2, output: 10, cache-read: 0.10, cache-write: 2.50, cache-write-1h: 4}
  claude-sonnet-5: {input: 2, output: 10, cache-read: 0.20, cache-write: 2.50, cache-write-1h: 4}
  claude-sonnet-4-6: {input: 3, output: 15, cache-read: 0.30, cache-write: 3.75, cache-write-1h: 6}
  claude-sonnet-4-5:
    {input: 3, output: 15, cache-read: 0.30, cache-write: 3.75, cache-write-1h: 6,
      long-prompt: {above: 200000, input: 6, output: 22.50, cache-read: 0.60, cache-write: 7.50, cache-write-1h: 12}}
  claude-sonnet-4:
    {input: 3, output: 15, cache-read: 0.30, cache-write: 3.75, cache-write-1h: 6,
      long-prompt: {above: 200000, input: 6, output: 22.50, cache-read: 0.60, cache-write: 7.50, cache-write-1h: 12}}
  claude-3-7-sonnet: {input: 3, output: 15, cache-read: 0.30, cache-write: 3.75, cache-write-1h: 6}
  claude-3-5-sonnet: {input: 3, output: 15, cache-read: 0.30, cache-write: 3.75, cache-write-1h: 6}
  claude-haiku-5-5:
    {input: 0.10, output: 0.50, cache-read: 0.01, cache-write: 0.125, cache-write-1h: 0.20,
      long-prompt: {above: 100000, input: 0.50, output: 2.50, cache-read: 0.05, cache-write: 0.625, cache-write-1h: 1}}
  claude-haiku-4-5: {input: 1, output: 5, cache-read: 0.10, cache-write: 1.25, cache-write-1h: 2}
  claude-3-5-haiku: {input: 0.80, output: 4, cache-read: 0.08, cache-write: 1, cache-write-1h: 1.60}
  claude-3-haiku: {input: 0.25, output: 1.25, cache-read: 0.03, cache-write: 0.30, cache-write-1h: 0.50}

  gpt-5.5: {input: 5, output: 30, cache-read: 0.50, long-prompt: {above: 272000, input: 10, output: 45, cache-read: 1}}
  gpt-5.5-pro: {input: 30, output: 180, long-prompt: {above: 272000, input: 60, output: 270}}
  gpt-5.4: {input: 2.50, output: 15, cache-read: 0.25, long-prompt: {above: 272000, input: 5, output: 22.50, cache-read: 0.50}}
  gpt-5.4-pro: {input: 30, output: 180, long-prompt: {above: 272000, input: 60, output: 270}}
  gpt-5.4-mini: {input: 0.75, output: 4.50, cache-read: 0.075}
  gpt-5.4-nano: {input: 0.20, output: 1.25, cache-read: 0.02}
  gpt-5.3-codex: {input: 1.75, output: 14, cache-read: 0.175}
  gpt-5.2: {input: 1.75, output: 14, cache-read: 0.175}
  gpt-5.2-codex: {input: 1.75, output: 14, cache-read: 0.175}
  gpt-5.2-pro: {input: 21, output: 168}
  gpt-5.1: {input: 1.25, output: 10, cache-read: 0.125}
  gpt-5.1-codex: {input: 1.25, output: 10, cache-read: 0.125}
  gpt-5.1-codex-max: {input: 1.25, output: 10, cache-read: 0.125}
  gpt-5.1-codex-mini: {input: 0.25, output: 2, cache-read: 0.025}
  gpt-5: {input: 1.25, output: 10, cache-read: 0.125}
  gpt-5-codex: {input: 1.25, output: 10, cache-read: 0.125}
  gpt-5-mini: {input: 0.25, output: 2, cache-read: 0.025}
  gpt-5-nano: {input: 0.05, output: 0.40, cache-read: 0.005}
  gpt-5-pro: {input: 15, output: 120}
  gpt-4.1: {input: 2, output: 8, cache-read: 0.50}
  gpt-4.1-mini: {input: 0.40, output: 1.60, cache-read: 0.10}
  gpt-4.1-nano: {input: 0.10, output: 0.40, cache-read: 0.025}
  gpt-4o: {input: 2.50, output: 10, cache-read: 1.25}
  gpt-4o-mini: {input: 0.15, output: 0.60, cache-read: 0.075}
  o4-mini: {input: 1.10, output: 4.40, cache-read: 0.275}
  o3: {input: 2, output: 8, cache-read: 0.50}
  o3-mini: {input: 1.10, output: 4.40, cache-read: 0.55}
  o3-pro: {input: 20, output: 80}
  o1: {input: 15, output: 60, cache-read: 7.50}
  o1-pro: {input: 150, output: 600}

  gemini-3.5-flash: {input: 1.50, output: 9, cache-read: 0.15}
  gemini-3.1-pro-preview*:
    {input: 2, output: 12, cache-read: 0.20, long-prompt: {above: 200000, input: 4, output: 18, cache-read: 0.40}}
  gemini-3-pro-preview:
    {input: 2, output: 12, cache-read: 0.20, long-prompt: {above: 200000, input: 4, output: 18, cache-read: 0.40}}
  gemini-3.1-flash-lite*: {input: 0.25, output: 1.50, cache-read: 0.025}
  gemini-3-flash-preview: {input: 0.50, output: 3, cache-read: 0.05}
  gemini-2.5-pro*:
    {input: 1.25, output: 10, cache-read: 0.125, long-prompt: {above: 200000, input: 2.50, output: 15, cache-read: 0.25}}
  gemini-2.5-flash: {input: 0.30, output: 2.50, cache-read: 0.03}
  gemini-2.5-flash-lite*: {input: 0.10, output: 0.40, cache-read: 0.01}
  gemini-2.0-flash*: {input: 0.10, output: 0.40, cache-read: 0.025}

"""#
