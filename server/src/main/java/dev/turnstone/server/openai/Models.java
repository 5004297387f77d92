package dev.turnstone.server.openai;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.server.completion.Served;
import dev.turnstone.server.http.Reply;
import dev.turnstone.server.http.Route;
import dev.turnstone.server.http.Scope;
import dev.turnstone.server.http.Wire;
import java.time.Clock;
import java.util.List;

/// `/v1/models`: the one policy that is served.
public final class Models {
  private final Served served;
  private final long started;

  public Models(Served served, Clock clock) {
    this.served = served;
    this.started = clock.instant().getEpochSecond();
  }

  public List<Route> routes() {
    return List.of(
        Route.get("/v1/models", Scope.AGENT, call -> Reply.ok(models())),
        Route.get("/v1/models/:model", Scope.AGENT, call -> Reply.ok(model(call.path("model")))));
  }

  private ObjectNode models() {
    var list = Wire.JSON.createObjectNode().put("object", "list");
    list.putArray("data").add(model(served.name()));
    return list;
  }

  private ObjectNode model(String name) {
    served.checkModel(name);
    var weights = served.policy().weights();
    var model =
        Wire.JSON
            .createObjectNode()
            .put("id", served.name())
            .put("object", "model")
            .put("created", started)
            .put("owned_by", "turnstone")
            .put("root", served.name())
            .putNull("parent")
            .put("max_model_len", served.policy().contextLength());
    model
        .putObject("weights")
        .put("lineage", weights.lineage())
        .put("version", weights.version())
        .put("sha256", weights.sha256());
    return model;
  }
}
