import com.sun.net.httpserver.HttpServer;
import java.io.RandomAccessFile;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.UnixDomainSocketAddress;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardWatchEventKinds;
import java.nio.file.WatchService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;

/** Works through the class library's ways into the kernel. */
public class Main {
    public static void main(String[] arguments) throws Exception {
        System.out.println("parallel " + IntStream.range(0, 1_000_000).parallel().filter(n -> n % 7 == 0).count());

        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
        server.createContext("/", exchange -> {
            byte[] answer = ("you asked for " + exchange.getRequestURI()).getBytes();
            exchange.sendResponseHeaders(200, answer.length);
            exchange.getResponseBody().write(answer);
            exchange.close();
        });
        server.setExecutor(Executors.newFixedThreadPool(2, task -> {
            Thread thread = new Thread(task);
            thread.setDaemon(true);
            return thread;
        }));
        server.start();
        URI address = URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/page");
        HttpRequest request = HttpRequest.newBuilder(address).build();
        System.out.println("http " + HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString()).body());
        server.stop(0);

        Path directory = Files.createDirectory(Path.of("files"));
        WatchService watch = FileSystems.getDefault().newWatchService();
        directory.register(watch, StandardWatchEventKinds.ENTRY_CREATE);
        Files.writeString(directory.resolve("file"), "content");
        System.out.println("watch " + watch.poll(30, TimeUnit.SECONDS).pollEvents().get(0).context());
        try (RandomAccessFile file = new RandomAccessFile("mapped", "rw")) {
            file.getChannel().map(FileChannel.MapMode.READ_WRITE, 0, 1 << 20).put(10, (byte) 'x');
            file.seek(10);
            System.out.println("mapped " + (char) file.read() + " " + (file.getChannel().tryLock() != null));
        }

        Path place = Files.createTempDirectory("java").resolve("socket");
        ServerSocketChannel listener = ServerSocketChannel.open(java.net.StandardProtocolFamily.UNIX);
        listener.bind(UnixDomainSocketAddress.of(place));
        SocketChannel client = SocketChannel.open(UnixDomainSocketAddress.of(place));
        client.write(ByteBuffer.wrap("x".getBytes()));
        System.out.println("unix " + listener.accept().read(ByteBuffer.allocate(10)));

        Process child = new ProcessBuilder("sh", "-c", "echo from a child; exit 3").start();
        System.out.println("child " + new String(child.getInputStream().readAllBytes()).trim() + " " + child.waitFor());
        System.out.println("user " + Path.of(System.getProperty("user.home")).isAbsolute() + " " + (Runtime.getRuntime().availableProcessors() > 0));
    }
}
