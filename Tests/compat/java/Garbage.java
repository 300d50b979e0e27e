import java.util.ArrayList;
import java.util.List;

/** Makes garbage in several threads, so that the collector runs. */
public class Garbage {
    public static void main(String[] arguments) throws Exception {
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            Thread thread = new Thread(() -> {
                List<byte[]> kept = new ArrayList<>();
                for (int j = 0; j < 4000; j++) {
                    kept.add(new byte[10_000]);
                    if (kept.size() > 500) kept.clear();
                }
            });
            thread.start();
            threads.add(thread);
        }
        for (Thread thread : threads) thread.join();
        System.gc();
        System.out.println("collected");
    }
}
