package dev.turnstone.bench;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.envadapters.EnvironmentSpec;
import dev.turnstone.envadapters.Environments;
import dev.turnstone.envadapters.peer.ToolAddressPolicy;
import dev.turnstone.rollout.Environment;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.Message;
import dev.turnstone.rollout.Task;
import dev.turnstone.rollout.ToolCall;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;

/// As many rollouts as a server has, each with an MCP session of its own, and the threads that they
/// cost this side.
final class McpSessions {
  private static final int AT_ONCE = 8;

  private McpSessions() {}

  /// Opens sessions with the sandbox's MCP server, calls a tool in each, and closes them.
  static void open(int count, String sandbox, ObjectNode figures) throws Exception {
    String body =
        "{\"environment\":\"m\",\"tools\":[{\"kind\":\"mcp\",\"name\":\"s\",\"url\":\"%s/mcp\"}]}"
            .formatted(sandbox);
    try (Environments environments =
            new Environments(ToolAddressPolicy.of(List.of("127.0.0.1")), _ -> Optional.empty());
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      environments.register(EnvironmentSpec.parse(body));
      Environment environment = environments.lookup("m").orElseThrow();
      open(environment).close();
      int before = platformThreads();
      int most = before;
      Semaphore places = new Semaphore(AT_ONCE);
      List<Future<Environment.Session>> opened = new ArrayList<>();
      for (int i = 0; i < count; i++) {
        places.acquire();
        opened.add(threads.submit(() -> called(environment, places)));
        most = Math.max(most, platformThreads());
      }
      List<Environment.Session> sessions = new ArrayList<>();
      for (Future<Environment.Session> one : opened) sessions.add(one.get());
      most = Math.max(most, platformThreads());
      figures.put("mcp_sessions", sessions.size()).put("mcp_extra_threads", most - before);
      for (Environment.Session session : sessions) session.close();
    }
  }

  private static Environment.Session called(Environment environment, Semaphore places)
      throws Exception {
    try {
      Environment.Session session = open(environment);
      ToolCall call = new ToolCall("c", "bash", new Json("{\"command\":\"echo hi\"}"));
      String said = session.step(List.of(call)).results().getFirst().text();
      if (!said.equals("hi\n") && !said.equals("hi"))
        throw new IllegalStateException("the sandbox's tool answered " + said);
      return session;
    } finally {
      places.release();
    }
  }

  private static Environment.Session open(Environment environment) throws Exception {
    Task task = new Task("t", List.of(new Message.User("?")), "m", Json.EMPTY_OBJECT);
    return environment.open(task, 1, Duration.ofMinutes(10));
  }

  private static int platformThreads() {
    return ManagementFactory.getThreadMXBean().getThreadCount();
  }
}
