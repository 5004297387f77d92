package dev.turnstone.server.runs;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.rollout.WeightsId;
import dev.turnstone.server.http.Call;
import dev.turnstone.server.http.Refused;
import dev.turnstone.server.http.Reply;
import dev.turnstone.server.http.Route;
import dev.turnstone.server.http.Scope;
import dev.turnstone.server.http.Wire;
import dev.turnstone.trainerbridge.runs.Runs;
import dev.turnstone.trainerbridge.weights.Weights;
import dev.turnstone.trainerbridge.weights.WeightsOutcome;
import dev.turnstone.trainerbridge.wire.WeightsRequest;
import java.util.List;

/// `/v1/weights`: which weights serve, and new ones.
public final class WeightsApi {
  private final Runs runs;
  private final Weights weights;

  public WeightsApi(Runs runs, Weights weights) {
    this.runs = runs;
    this.weights = weights;
  }

  public List<Route> routes() {
    return List.of(
        Route.get("/v1/weights", Scope.ADMIN, call -> Reply.ok(serving())),
        Route.post("/v1/weights", Scope.ADMIN, "Weights", this::apply));
  }

  private ObjectNode serving() {
    WeightsId id = weights.serving();
    return Wire.JSON
        .createObjectNode()
        .put("lineage", id.lineage())
        .put("version", id.version())
        .put("sha256", id.sha256());
  }

  private Reply apply(Call call) {
    return switch (runs.apply(request(call))) {
      case WeightsOutcome.Applied(var update, boolean _) ->
          Reply.ok(
              Wire.JSON
                  .createObjectNode()
                  .put("lineage", update.id().lineage())
                  .put("version", update.id().version())
                  .put("load_ms", update.loadMillis())
                  .put("pause_ms", update.pauseMillis()));
      case WeightsOutcome.Refused(String why) -> throw Refused.bad(why);
      case WeightsOutcome.Busy(String why) -> throw Refused.busy(why, "busy");
    };
  }

  private static WeightsRequest request(Call call) {
    try {
      return WeightsRequest.parse(call.body());
    } catch (IllegalArgumentException e) {
      throw Refused.bad(String.valueOf(e.getMessage()));
    }
  }
}
