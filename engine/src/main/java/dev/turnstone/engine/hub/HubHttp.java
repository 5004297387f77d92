package dev.turnstone.engine.hub;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.turnstone.engine.ModelException;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import okhttp3.HttpUrl;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;

/// Requests to the hub, each answered or explained in one sentence.
///
/// The token goes to the endpoint alone: the client drops it where a redirect leaves the host, and
/// follows none that leaves the protocol.
final class HubHttp implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final HubSettings settings;
  private final OkHttpClient client =
      new OkHttpClient.Builder()
          .connectTimeout(Duration.ofSeconds(10))
          .readTimeout(Duration.ofSeconds(60))
          .followSslRedirects(false)
          .build();

  HubHttp(HubSettings settings) {
    this.settings = settings;
  }

  /// What the hub has under a revision.
  record Listing(String commit, List<HubFile> files) {}

  /// A refusal that another attempt does not change.
  static final class Refusal extends IOException {
    private static final long serialVersionUID = 1;

    Refusal(String message) {
      super(message);
    }
  }

  Listing list(HubModel model) throws IOException {
    HttpUrl url =
        settings
            .endpoint()
            .newBuilder()
            .addPathSegments("api/models")
            .addPathSegments(model.repository())
            .addPathSegment("revision")
            .addPathSegment(model.revision())
            .addQueryParameter("blobs", "true")
            .build();
    try (Response response = execute(new Request.Builder().url(url), model)) {
      JsonNode json = JSON.readTree(response.body().byteStream());
      String commit = json.path("sha").asText();
      if (!commit.matches("[0-9a-f]{40}"))
        throw new Refusal("%s does not say which commit %s is".formatted(host(), model));
      var files = new ArrayList<HubFile>();
      for (JsonNode file : json.path("siblings")) add(file, files);
      return new Listing(commit, files);
    }
  }

  /// Only files at the top are of use; what has no checksum cannot be kept.
  private static void add(JsonNode file, List<HubFile> into) {
    String name = file.path("rfilename").asText();
    String etag = file.at("/lfs/sha256").asText(file.path("blobId").asText());
    long size = file.path("size").asLong(-1);
    if (name.matches("[A-Za-z0-9_][A-Za-z0-9._-]*")
        && etag.matches("[0-9a-f]{40}|[0-9a-f]{64}")
        && size >= 0) into.add(new HubFile(name, etag, size));
  }

  /// A file's content from a byte on; the caller closes the response, whose code is 206 if the hub
  /// began there, 200 if it began at 0.
  Response open(HubModel model, String commit, HubFile file, long from) throws IOException {
    HttpUrl url =
        settings
            .endpoint()
            .newBuilder()
            .addPathSegments(model.repository())
            .addPathSegment("resolve")
            .addPathSegment(commit)
            .addPathSegment(file.name())
            .build();
    Request.Builder request = new Request.Builder().url(url).header("Accept-Encoding", "identity");
    if (from > 0) request.header("Range", "bytes=" + from + "-");
    return execute(request, model);
  }

  private Response execute(Request.Builder request, HubModel model) throws IOException {
    settings.token().ifPresent(token -> request.header("Authorization", "Bearer " + token));
    request.header("User-Agent", "turnstone");
    Response response = client.newCall(request.build()).execute();
    if (response.isSuccessful()) return response;
    try (response) {
      throw refused(response, model);
    }
  }

  private IOException refused(Response response, HubModel model) {
    String error = String.valueOf(response.header("X-Error-Code"));
    boolean token = settings.token().isPresent();
    if (error.equals("GatedRepo") || response.code() == 403)
      return new Refusal(
          "%s is gated: accept its terms at %s%s%s"
              .formatted(
                  model,
                  settings.endpoint(),
                  model.repository(),
                  token
                      ? " with the account whose token HF_TOKEN is"
                      : " and set HF_TOKEN to a token of your account"));
    return switch (response.code()) {
      case 401 ->
          new Refusal(
              token
                  ? "%s refuses your HF_TOKEN for %s: check that it is valid and may read it"
                      .formatted(host(), model)
                  : "%s shows %s to nobody without a token: check the name, or set HF_TOKEN to one that may read it"
                      .formatted(host(), model));
      case 404 ->
          new Refusal(
              error.equals("RevisionNotFound")
                  ? "%s has no revision %s of %s"
                      .formatted(host(), model.revision(), model.repository())
                  : "%s has no model %s: check the name%s"
                      .formatted(host(), model, token ? "" : ", or set HF_TOKEN if it is private"));
      case 416 -> new Refusal("the hub has less of the file than is here");
      default -> new IOException("%s answers %d for %s".formatted(host(), response.code(), model));
    };
  }

  String host() {
    return settings.endpoint().host();
  }

  @Override
  public void close() {
    client.connectionPool().evictAll();
    client.dispatcher().executorService().shutdown();
  }

  /// One sentence for the operator.
  ModelException unreachable(HubModel model, IOException e) {
    if (e instanceof Refusal) return new ModelException(String.valueOf(e.getMessage()), e);
    return new ModelException(
        "%s cannot be downloaded from %s (%s); with HF_HUB_OFFLINE=1 a copy in the cache is used"
            .formatted(model, host(), e.getMessage()),
        e);
  }
}
