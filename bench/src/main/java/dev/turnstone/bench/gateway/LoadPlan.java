package dev.turnstone.bench.gateway;

import com.fasterxml.jackson.annotation.JsonAutoDetect;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.List;

/// What a load process is to do, as its one argument says in JSON.
///
/// @param phase `turns`, `paced`, `hold`, `probe` or `stream`
/// @param gateway how sessions are opened, as [Door] knows it; `plain` for who has none
/// @param model as the gateway knows it
/// @param clients at once; in `hold`, sessions
/// @param rate turns per second; 0: as fast as the clients can
/// @param seconds that are measured
/// @param warmup seconds before
/// @param turns of a session, after which it is finished
/// @param maxTokens of a turn
/// @param first text of a session's first message
/// @param next texts of its further messages
@JsonAutoDetect
record LoadPlan(
    String phase,
    String gateway,
    int port,
    String model,
    int clients,
    double rate,
    double seconds,
    double warmup,
    int turns,
    int maxTokens,
    String first,
    List<String> next) {
  private static final ObjectMapper JSON = new ObjectMapper();

  static LoadPlan parse(String json) throws JsonProcessingException {
    return JSON.readValue(json, LoadPlan.class);
  }

  String text() {
    try {
      return JSON.writeValueAsString(this);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a plan is always JSON", e);
    }
  }

  /// The same plan for another phase.
  LoadPlan with(String other, int many, double perSecond, double measured) {
    return new LoadPlan(
        other, gateway, port, model, many, perSecond, measured, warmup, turns, maxTokens, first,
        next);
  }

  /// The same plan with another time before it measures.
  LoadPlan warm(double before) {
    return new LoadPlan(
        phase, gateway, port, model, clients, rate, seconds, before, turns, maxTokens, first, next);
  }

  /// The same plan for another gateway.
  LoadPlan at(String other, int otherPort, String itsModel) {
    return new LoadPlan(
        phase, other, otherPort, itsModel, clients, rate, seconds, warmup, turns, maxTokens, first,
        next);
  }
}
