package dev.turnstone.bench.gateway;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/// How sessions are opened and finished at a gateway. Safe for many threads.
sealed interface Door {
  ObjectMapper JSON = new ObjectMapper();

  /// Where an agent sends its turns.
  record Place(String session, String path, String key) {}

  /// What a gateway has recorded of a session's last call.
  ///
  /// @param prompt ids of the prompt
  /// @param ids that were sampled
  /// @param logprobs of them
  record Recorded(int prompt, int ids, int logprobs) {
    static final Recorded NOTHING = new Recorded(0, 0, 0);
  }

  /// Tells the gateway where the engine is, if it does not know from its start.
  default void begin(String engine) throws IOException {}

  Place open() throws IOException;

  void finish(Place place) throws IOException;

  default Recorded recorded(Place place) throws IOException {
    return Recorded.NOTHING;
  }

  static Door of(LoadPlan plan) throws IOException {
    return switch (plan.gateway()) {
      case "turnstone" -> new Turnstone(plan.port());
      case "rllm" -> new Rllm(plan.port());
      case "agentlightning" -> new AgentLightning(plan.port());
      default -> new Plain();
    };
  }

  /// A gateway without sessions.
  final class Plain implements Door {
    @Override
    public Place open() {
      return new Place("", "/v1/chat/completions", "");
    }

    @Override
    public void finish(Place place) {}
  }

  /// rllm-model-gateway, which records by a session's id in the path.
  final class Rllm implements Door {
    private final int port;

    Rllm(int port) {
      this.port = port;
    }

    @Override
    public Place open() throws IOException {
      String id = "s" + UUID.randomUUID();
      try (PlainHttp http = new PlainHttp(port, "")) {
        http.post("/sessions", "{\"session_id\":\"%s\"}".formatted(id)).ok();
      }
      return new Place(id, "/sessions/" + id + "/v1/chat/completions", "");
    }

    @Override
    public void finish(Place place) {}

    @Override
    public Recorded recorded(Place place) throws IOException {
      try (PlainHttp http = new PlainHttp(port, "")) {
        JsonNode last = last(http.get("/sessions/" + place.session() + "/traces").ok());
        return new Recorded(
            last.path("prompt_token_ids").size(),
            last.path("completion_token_ids").size(),
            last.path("logprobs").size());
      }
    }
  }

  /// agentlightning's server, which records by rollout and attempt in the path.
  final class AgentLightning implements Door {
    private static final String ATTEMPT = "0";

    private final int port;

    AgentLightning(int port) {
      this.port = port;
    }

    @Override
    public void begin(String engine) throws IOException {
      try (PlainHttp http = new PlainHttp(port, "")) {
        http.post(
                "/api/models",
                """
                [{"model":"%s","endpoint":"%s/v1","version":1}]\
                """
                    .formatted(EngineStub.MODEL, engine))
            .ok();
      }
    }

    @Override
    public Place open() throws IOException {
      String id = "r" + UUID.randomUUID();
      try (PlainHttp http = new PlainHttp(port, "")) {
        http.post(
                "/api/rollouts",
                """
                [{"rollout_id":"%s","input":{},"is_train":true}]\
                """
                    .formatted(id))
            .ok();
      }
      return new Place(
          id,
          "/proxy/rollout/%s/attempt/%s/mode/train/openai/v1/chat/completions"
              .formatted(id, ATTEMPT),
          "");
    }

    /// It keeps what it recorded in memory until it is told to forget it.
    @Override
    public void finish(Place place) throws IOException {
      try (PlainHttp http = new PlainHttp(port, "")) {
        http.delete("/api/rollouts/" + place.session()).ok();
      }
    }

    @Override
    public Recorded recorded(Place place) throws IOException {
      try (PlainHttp http = new PlainHttp(port, "")) {
        JsonNode data =
            last(http.get("/api/rollouts/" + place.session() + "/events?format=triplet").ok())
                .path("data");
        return new Recorded(
            data.path("prompt_token_ids").size(),
            data.path("response_token_ids").size(),
            data.path("response_log_probs").size());
      }
    }
  }

  private static JsonNode last(String list) throws IOException {
    JsonNode all = JSON.readTree(list);
    return all.path(all.size() - 1);
  }

  /// Sessions of a run whose driver is an agent, so that finished ones go to the log.
  final class Turnstone implements Door {
    private static final int GROUP = 8;
    private static final int PATIENCE = 1000;

    private final int port;
    private final String run = "load-" + UUID.randomUUID().toString().substring(0, 8);
    private final AtomicInteger groups = new AtomicInteger();
    private final Queue<Place> open = new ArrayDeque<>(); // guarded by itself

    Turnstone(int port) throws IOException {
      this.port = port;
      try (PlainHttp http = new PlainHttp(port, "")) {
        http.post(
                "/v1/runs",
                """
                {"run":"%s","driver":"agent","group_size":%d,"max_staleness":1,
                 "groups_per_version":4000,"limits":{"max_turns":10000,"max_tokens":100000000,
                 "wall_time_s":3600}}\
                """
                    .formatted(run, GROUP))
            .ok();
      }
    }

    @Override
    public Place open() throws IOException {
      Place place;
      synchronized (open) {
        if (open.isEmpty()) submit();
        place = open.remove();
      }
      // A session opens when its group is admitted, which is soon after it was accepted.
      try (PlainHttp http = new PlainHttp(port, "")) {
        int status = http.get("/v1/sessions/" + place.session()).status();
        for (int i = 0; status == 503 && i < PATIENCE; i++) {
          LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(10));
          status = http.get("/v1/sessions/" + place.session()).status();
        }
        if (status != 200)
          throw new IOException("session %s: %d".formatted(place.session(), status));
      }
      return place;
    }

    private void submit() throws IOException {
      try (PlainHttp http = new PlainHttp(port, "")) {
        String group = "g" + groups.incrementAndGet();
        JsonNode answer =
            JSON.readTree(
                http.post(
                        "/v1/runs/%s/groups".formatted(run),
                        """
                        {"group":"%s","task":{"messages":[{"role":"user","content":"go"}]}}\
                        """
                            .formatted(group))
                    .ok());
        for (JsonNode session : answer.get("sessions")) {
          String id = session.get("id").asText();
          open.add(
              new Place(
                  id,
                  "/sessions/" + id + "/v1/chat/completions",
                  session.get("agent_key").asText()));
        }
      }
    }

    @Override
    public void finish(Place place) throws IOException {
      try (PlainHttp http = new PlainHttp(port, "")) {
        http.post("/v1/sessions/" + place.session() + "/finish", "{\"reward\":1.0}").ok();
      }
    }
  }
}
