package dev.turnstone.server.sessions;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.turnstone.server.http.StartupError;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(30)
final class AgentKeysTest {
  @TempDir private Path folder;

  @Test
  void keysOutliveARestartAndAForgedOneOpensNothing() {
    String key = AgentKeys.open(folder).key("s1");
    assertThat(AgentKeys.open(folder).session(key)).contains("s1");
    assertThat(AgentKeys.open(folder).session(key + "x")).isEmpty();
    assertThat(AgentKeys.open(folder.resolve("other")).session(key)).isEmpty();
  }

  @Test
  void serversThatStartAtOnceShareOneSecretAndLeaveNothingBesideIt() throws Exception {
    int servers = 8;
    CyclicBarrier together = new CyclicBarrier(servers);
    Callable<String> start =
        () -> {
          together.await();
          return AgentKeys.open(folder).key("s");
        };
    List<String> keys = new ArrayList<>();
    try (ExecutorService threads = Executors.newFixedThreadPool(servers)) {
      List<Future<String>> started = new ArrayList<>();
      for (int i = 0; i < servers; i++) started.add(threads.submit(start));
      for (Future<String> one : started) keys.add(one.get());
    }
    assertThat(keys).containsOnly(keys.getFirst());
    assertThat(files()).containsExactly("agent-secret");
  }

  @Test
  void aSecretThatWasCutOffIsAnErrorThatSaysWhatToDo() throws IOException {
    Files.write(folder.resolve("agent-secret"), new byte[5]);
    assertThatThrownBy(() -> AgentKeys.open(folder))
        .isInstanceOf(StartupError.class)
        .hasMessageContaining("has 5 bytes, not 32: delete it");
  }

  @Test
  void aDataFolderThatIsAFileIsAnErrorThatSaysSo() throws IOException {
    Path file = Files.createFile(folder.resolve("data"));
    assertThatThrownBy(() -> AgentKeys.open(file))
        .isInstanceOf(StartupError.class)
        .hasMessage("data folder %s cannot be written: it is a file", file);
  }

  @ParameterizedTest
  @ValueSource(strings = {"data", "data/agent-secret"})
  void aLinkToNothingIsAnErrorThatNamesThePlace(String link) throws IOException {
    Path place = folder.resolve(link);
    Files.createDirectories(place.getParent());
    Files.createSymbolicLink(place, folder.resolve("nothing"));
    assertThatThrownBy(() -> AgentKeys.open(folder.resolve("data")))
        .isInstanceOf(StartupError.class)
        .hasMessageContaining(folder.resolve("data").toString());
  }

  private List<String> files() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).toList();
    }
  }
}
