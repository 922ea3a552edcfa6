import java.io.ByteArrayInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;

/** Posts messages with the JDK's own client as it comes, and prints each answer: java Track.java URL KEY USER */
class Track {
    static final HttpClient client = HttpClient.newHttpClient();

    public static void main(String[] arguments) throws Exception {
        String body = "{\"event\": \"Liked\", \"userId\": \"" + arguments[2] + "\"}";
        HttpRequest.Builder to = HttpRequest.newBuilder(URI.create(arguments[0] + "/v1/track"))
            .header("Authorization", "Bearer " + arguments[1])
            .header("Content-Type", "application/json");
        BodyPublisher withLength = BodyPublishers.ofString(body);
        BodyPublisher chunked = BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(body.getBytes()));

        print(to.POST(withLength).build());
        print(to.POST(chunked).build());
        print(to.POST(withLength).expectContinue(true).build());
        HttpRequest request = to.POST(withLength).expectContinue(false).build();
        CompletableFuture.allOf(IntStream.range(0, 5).mapToObj(number -> client.sendAsync(request, BodyHandlers.ofString())
            .thenAccept(answer -> System.out.println(answer.statusCode() + " " + answer.body())))
            .toArray(CompletableFuture[]::new)).join();
    }

    static void print(HttpRequest request) throws Exception {
        var answer = client.send(request, BodyHandlers.ofString());
        System.out.println(answer.statusCode() + " " + answer.body());
    }
}
