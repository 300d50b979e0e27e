// `java Fetch CERTIFICATE URL...`: fetches each URL by java.net.http, with the time that it took. One JSON object a line; the
// answer is a text in it.
import java.io.FileInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

public class Fetch {
    static String quoted(String text) {
        return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", " ").replace("\r", " ") + '"';
    }

    public static void main(String[] words) throws Exception {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        try (FileInputStream file = new FileInputStream(words[0])) {
            store.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(file));
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        HttpClient client = HttpClient.newBuilder().sslContext(context).connectTimeout(Duration.ofSeconds(20)).build();
        for (int index = 1; index < words.length; index++) {
            long began = System.nanoTime();
            String facts;
            try {
                HttpRequest request = HttpRequest.newBuilder(URI.create(words[index])).timeout(Duration.ofSeconds(20)).build();
                HttpResponse<String> answer = client.send(request, HttpResponse.BodyHandlers.ofString());
                if (answer.statusCode() != 200) throw new Exception("status " + answer.statusCode() + ": " + answer.body());
                facts = "\"answer\": " + quoted(answer.body());
            } catch (Exception error) {
                StringBuilder text = new StringBuilder();
                for (Throwable one = error; one != null; one = one.getCause()) text.append(one).append(' ');
                facts = "\"error\": " + quoted(text.toString());
            }
            System.out.println("{" + facts + ", \"ms\": " + (System.nanoTime() - began) / 1e6 + "}");
        }
        System.exit(0);
    }
}
