package dev.turnstone.sandbox;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.sandbox.jail.Answer;
import dev.turnstone.sandbox.jail.Jail;
import dev.turnstone.sandbox.jail.JailLost;
import dev.turnstone.sandbox.jail.Limits;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeoutException;

/// The cells of one `POST /run_jupyter` in a virgin jail, and SandboxFusion's answer to it.
final class NotebookRun {
  private final JupyterRequest request;
  private final Jail jail;

  NotebookRun(JupyterRequest request, Jail jail) {
    this.request = request;
    this.jail = jail;
  }

  /// Runs them to their end or their limit. Interrupting the caller kills the jail.
  ObjectNode run() throws JailLost, InterruptedException {
    long watched = jail.limitMemory((long) request.memoryMb() << 20);
    ObjectNode header =
        Cells.header(
            request.cells(),
            request.cellTimeout(),
            request.totalTimeout(),
            request.memoryMb(),
            watched,
            true);
    Asking.names(header.withArray("files"), request.files().keySet());
    Asking.names(header.withArray("fetch"), request.fetchFiles());
    Duration limit = request.totalTimeout().plus(Limits.COLLECT).plusSeconds(2);
    try {
      return response(
          jail.ask(
              this, header, Cells.fields(request.cells(), request.files()), limit, chunk -> {}));
    } catch (TimeoutException e) {
      return error("the cells kept even their worker from answering in time");
    } catch (IOException e) {
      return error(
          jail.ranOutOfMemory()
              ? "the jail itself ran out of its memory"
              : "the jail was killed from outside while the cells ran");
    }
  }

  private ObjectNode response(Answer answer) {
    JsonNode header = answer.header();
    if (header.has("error")) return error(header.get("error").asText());
    boolean timedOut = header.get("timed_out").asBoolean();
    boolean memory = header.get("over_memory").asBoolean() || jail.ranOutOfMemory();
    boolean died = header.get("died").asBoolean();
    int outputs = 2 * header.get("cells").size();
    Asking.Fetched fetched = Asking.fetched(answer, request.fetchFiles(), outputs);
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    json.put("status", timedOut || died ? "Failed" : "Success").put("message", fetched.refused());
    ObjectNode driver = json.putObject("driver");
    driver.put("status", timedOut ? "TimeLimitExceeded" : died ? "Error" : "Finished");
    driver.put("execution_time", header.get("seconds").asDouble());
    if (timedOut || died) driver.putNull("return_code");
    else driver.put("return_code", 0);
    String why = died && !timedOut ? "[sandbox: a cell ended the Python process]\n" : "";
    driver.put("stdout", "");
    driver.put("stderr", memory && died ? Asking.outOfMemory(request.memoryMb()) : why);
    json.set("cells", Cells.json(answer));
    files(json, fetched.files());
    return json;
  }

  private static void files(ObjectNode json, Map<String, byte[]> files) {
    ObjectNode fetched = json.putNull("executor_pod_name").putObject("files");
    files.forEach(fetched::put);
  }

  static ObjectNode error(String message) {
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    json.put("status", "SandboxError").put("message", message).putNull("driver").putArray("cells");
    files(json, Map.of());
    return json;
  }
}
