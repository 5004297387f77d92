package dev.turnstone.envadapters.openapi;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import dev.turnstone.envadapters.peer.Endpoint;
import dev.turnstone.envadapters.peer.InvalidEnvironment;
import dev.turnstone.envadapters.peer.JsonText;
import dev.turnstone.envadapters.peer.Peer;
import dev.turnstone.envadapters.peer.Reply;
import dev.turnstone.envadapters.tools.Host;
import dev.turnstone.envadapters.tools.HttpTool;
import dev.turnstone.envadapters.tools.OpenTools;
import dev.turnstone.envadapters.tools.Throttle;
import dev.turnstone.envadapters.tools.Tool;
import dev.turnstone.envadapters.tools.ToolEntry;
import dev.turnstone.envadapters.tools.ToolEntry.Document;
import dev.turnstone.envadapters.tools.ToolSource;
import dev.turnstone.rollout.Environment.EnvironmentLost;
import dev.turnstone.rollout.ToolSpec;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import okhttp3.HttpUrl;

/// The operations of an OpenAPI 3 document as HTTP tools. A document elsewhere is fetched when the
/// first rollout opens it, and kept.
public final class OpenApiSource implements ToolSource {
  private static final int ATTEMPTS = 3;
  private static final Duration FETCH = Duration.ofSeconds(30);
  private static final YAMLMapper YAML = new YAMLMapper();

  private final ToolEntry.OpenApi entry;
  private final Host host;
  private final Throttle throttle;
  private volatile Optional<List<Tool>> known = Optional.empty();

  /// A source of tools.
  ///
  /// @throws InvalidEnvironment if the document is given and cannot be used
  public OpenApiSource(ToolEntry.OpenApi entry, Host host) {
    this.entry = entry;
    this.host = host;
    this.throttle = host.throttle(entry.rules());
    if (entry.document() instanceof Document.Inline(var json))
      known = Optional.of(tools(JsonText.readOwn(json)));
  }

  @Override
  public OpenTools open(Opening opening) throws EnvironmentLost, InterruptedException {
    // Several rollouts may fetch it at once, which is harmless and needs no lock.
    if (known.isEmpty()) known = Optional.of(fetch(opening));
    return new Opened(known.get());
  }

  private List<Tool> fetch(Opening opening) throws EnvironmentLost, InterruptedException {
    Peer peer =
        host.peers().peer(new Endpoint(place(), entry.endpoint().headers(), FETCH), ATTEMPTS);
    Reply reply = peer.send(Peer.Exchange.get("", opening.session()), FETCH, opening.deadline());
    if (!(reply instanceof Reply.Answered answer && answer.ok() && answer.whole()))
      throw peer.lost(reply);
    try {
      return tools(YAML.readTree(answer.body()));
    } catch (JsonProcessingException e) {
      throw peer.lost("answered neither JSON nor YAML");
    } catch (InvalidEnvironment e) {
      throw peer.lost("answered a document that cannot be used: " + e.getMessage());
    }
  }

  /// Secrets go with the request, so the document must be on the registered host.
  private String place() throws EnvironmentLost {
    HttpUrl base = HttpUrl.get(entry.endpoint().url());
    String folder = base.encodedPath().endsWith("/") ? "" : "/";
    HttpUrl place =
        base.newBuilder()
            .encodedPath(base.encodedPath() + folder)
            .query(null)
            .build()
            .resolve(entry.document() instanceof Document.At(String url) ? url : "");
    if (place == null || !place.host().equals(base.host()) || place.port() != base.port())
      throw new EnvironmentLost(
          "the document of %s must be on its own host".formatted(entry.name()));
    return place.toString();
  }

  private List<Tool> tools(JsonNode document) {
    List<Tool> tools = new ArrayList<>();
    List<String> missing = new ArrayList<>(entry.chosen().names());
    for (Operation operation : Operation.all(document)) {
      missing.remove(operation.name());
      if (!entry.chosen().takes(operation.name())) continue;
      ToolSpec spec =
          new ToolSpec(
              entry.chosen().prefix() + operation.name(),
              operation.description(),
              operation.parameters());
      tools.add(
          new HttpTool(
              spec,
              operation.shape(),
              entry.endpoint(),
              entry.rules(),
              entry.onTimeout(),
              throttle,
              host));
    }
    if (!missing.isEmpty())
      throw new InvalidEnvironment(
          "the document of %s has no operation %s"
              .formatted(entry.name(), String.join(", ", missing)));
    return tools;
  }

  private record Opened(List<Tool> tools) implements OpenTools {
    @Override
    public void close() {}
  }
}
