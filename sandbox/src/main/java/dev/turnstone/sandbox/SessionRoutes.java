package dev.turnstone.sandbox;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.sandbox.Session.Gone;
import io.vertx.core.http.HttpMethod;

/// `/v1/sessions`: jails that live from call to call.
final class SessionRoutes {
  private static final String SESSION = "/v1/sessions/:id";
  private static final String WORKSPACE = "/workspace";

  private final Sessions sessions;
  private final SandboxConfig config;
  private final Guard guard;

  SessionRoutes(Sessions sessions, SandboxConfig config, Guard guard) {
    this.sessions = sessions;
    this.config = config;
    this.guard = guard;
  }

  void addTo(Endpoints endpoints) {
    endpoints
        .post("/v1/sessions", this::open)
        .get("/v1/sessions", call -> Reply.ok(list()))
        .get(SESSION, call -> Reply.ok(session(call).json()))
        .add(HttpMethod.DELETE, SESSION, this::close)
        .post(SESSION + "/exec", this::exec)
        .post(SESSION + "/cell", this::cell)
        .get(SESSION + "/files", this::read)
        .add(HttpMethod.PUT, SESSION + "/files", this::write)
        .get(SESSION + "/list", this::listFolder)
        .post(SESSION + "/upload", this::upload)
        .stream(
            SESSION + "/snapshot",
            "application/x-tar",
            (call, pieces) -> session(call).snapshot(call.parameter("path", WORKSPACE), pieces));
  }

  private Session session(Call call) throws Sessions.Unknown, Gone, Endpoints.Unsafe {
    guard.check();
    return sessions.get(call.id());
  }

  private Reply open(Call call)
      throws BadRequest,
          Sessions.Full,
          SandboxBusy,
          Session.NoFile,
          Endpoints.Unsafe,
          InterruptedException {
    guard.check();
    SessionReader body = SessionReader.of(call.body());
    return Reply.json(201, sessions.open(body.options(config), body.files()).json());
  }

  private ObjectNode list() {
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    var list = json.putArray("sessions");
    sessions.all().forEach(session -> list.add(session.json()));
    return json;
  }

  private Reply close(Call call) throws Sessions.Unknown {
    if (!sessions.close(call.id(), "it was closed")) {
      try {
        sessions.get(call.id());
      } catch (Gone e) {
        // Closing twice is no error.
      }
    }
    return Reply.ok(JsonNodeFactory.instance.objectNode().put("closed", true));
  }

  private Reply exec(Call call)
      throws BadRequest,
          Sessions.Unknown,
          Gone,
          SandboxBusy,
          Endpoints.Unsafe,
          InterruptedException {
    Session session = session(call);
    return Reply.ok(session.exec(SessionReader.of(call.body()).command()).json());
  }

  private Reply cell(Call call)
      throws BadRequest,
          Sessions.Unknown,
          Gone,
          SandboxBusy,
          Endpoints.Unsafe,
          InterruptedException {
    Session session = session(call);
    SessionReader body = SessionReader.of(call.body());
    String code = body.text("code");
    var timeout = body.timeout("timeout_s");
    body.check();
    return Reply.ok(session.cell(code, timeout));
  }

  private Reply read(Call call)
      throws BadRequest,
          Sessions.Unknown,
          Gone,
          SandboxBusy,
          Session.NoFile,
          Endpoints.Unsafe,
          InterruptedException {
    return Reply.bytes("application/octet-stream", session(call).read(path(call)));
  }

  private Reply write(Call call)
      throws BadRequest,
          Sessions.Unknown,
          Gone,
          SandboxBusy,
          Session.NoFile,
          Endpoints.Unsafe,
          InterruptedException {
    String path = path(call);
    session(call).write(path, call.body());
    return Reply.ok(
        JsonNodeFactory.instance.objectNode().put("path", path).put("size", call.body().length));
  }

  private Reply listFolder(Call call)
      throws Sessions.Unknown,
          Gone,
          SandboxBusy,
          Session.NoFile,
          Endpoints.Unsafe,
          InterruptedException {
    String path = call.parameter("path", WORKSPACE);
    ObjectNode json = JsonNodeFactory.instance.objectNode().put("path", path);
    json.set("entries", session(call).list(path));
    return Reply.ok(json);
  }

  private Reply upload(Call call)
      throws Sessions.Unknown,
          Gone,
          SandboxBusy,
          Session.NoFile,
          Endpoints.Unsafe,
          InterruptedException {
    String path = call.parameter("path", WORKSPACE);
    session(call).upload(path, call.body());
    return Reply.ok(JsonNodeFactory.instance.objectNode().put("path", path));
  }

  private static String path(Call call) throws BadRequest {
    String path = call.parameter("path", "");
    if (!path.isEmpty() && path.indexOf('\0') < 0 && path.length() <= 4096) return path;
    throw BadRequest.of("path", "Query parameter should be the path of a file");
  }
}
