package dev.turnstone.sandbox.jail;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Both versions of control groups, over folders that stand for the kernel's.
final class CgroupsTest {
  @TempDir private Path kernel;
  private Path group;

  @BeforeEach
  void aGroupOfOurs() throws IOException {
    group = Files.createDirectories(kernel.resolve("service"));
  }

  @Test
  void version2IsFoundAndDivided() throws Exception {
    offer("memory pids cpu");

    Cgroups cgroups = search("0::/service").find();

    assertThat(cgroups.describe()).isEqualTo("v2");
    assertThat(group.resolve("cgroup.subtree_control")).hasContent("+memory +pids");
    assertThat(group.resolve("turnstone-service/cgroup.procs"))
        .hasContent(Long.toString(ProcessHandle.current().pid()));
    assertThat(cgroups.mounts()).containsOnlyKeys("v2");
    assertThat(cgroups.mounts().values().iterator().next().resolve("cgroup.subtree_control"))
        .hasContent("+memory +pids");
  }

  @Test
  void aMachineWithoutControllersIsSaidToHaveNone() throws Exception {
    offer("hugetlb");

    Cgroups cgroups = search("0::/service").find();

    assertThat(cgroups.present()).isFalse();
    assertThat(cgroups.describe())
        .isEqualTo(
            "none: version 2: "
                + group
                + " has no controller memory; version 1: no cgroup memory is mounted");
    assertThat(cgroups.take()).isEmpty();
  }

  @Test
  void version1NeedsBothHierarchies() throws Exception {
    Path memory = Files.createDirectories(kernel.resolve("memory/service"));
    Path pids = Files.createDirectories(kernel.resolve("pids/service"));
    List<String> mounts =
        List.of(
            "30 1 0:1 / " + kernel.resolve("memory") + " rw - cgroup cgroup rw,memory",
            "31 1 0:2 / " + kernel.resolve("pids") + " rw - cgroup cgroup rw,pids");

    Cgroups cgroups =
        new CgroupSearch(mounts, List.of("2:pids:/service", "4:memory:/service")).find();

    assertThat(cgroups.describe()).isEqualTo("v1");
    assertThat(cgroups.mounts().get("memory")).hasParent(memory);
    assertThat(cgroups.mounts().get("pids")).hasParent(pids);
  }

  @Test
  void version2LimitsMemorySwapAndProcesses() throws Exception {
    Cgroups cgroups = Cgroups.over(Cgroups.Version.V2, Map.of("v2", group));
    Cgroup jail = cgroups.take().orElseThrow();
    Path folder = group.resolve("jail-0");
    Files.writeString(folder.resolve("memory.events"), "low 0\noom 3\noom_kill 2\n");
    Files.writeString(folder.resolve("memory.swap.max"), "max");

    jail.limitMemory(256L << 20);

    assertThat(jail.names()).containsExactly("v2/jail-0");
    assertThat(folder.resolve("memory.max")).hasContent(Long.toString(256L << 20));
    assertThat(folder.resolve("memory.swap.max")).hasContent("0");
    assertThat(folder.resolve("pids.max")).hasContent("72");
    assertThat(jail.ranOutOfMemory()).isFalse();
    Files.writeString(folder.resolve("memory.events"), "low 0\noom 4\noom_kill 3\n");
    assertThat(jail.ranOutOfMemory()).isTrue();
  }

  @Test
  void version1LimitsMemoryAndProcesses() throws Exception {
    Path memory = Files.createDirectories(kernel.resolve("m"));
    Path pids = Files.createDirectories(kernel.resolve("p"));
    Cgroups cgroups = Cgroups.over(Cgroups.Version.V1, Map.of("memory", memory, "pids", pids));
    Cgroup jail = cgroups.take().orElseThrow();
    Files.writeString(
        memory.resolve("jail-0/memory.oom_control"),
        "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n");

    jail.limitMemory(1);

    assertThat(jail.names()).containsExactly("memory/jail-0", "pids/jail-0");
    assertThat(memory.resolve("jail-0/memory.limit_in_bytes"))
        .hasContent(Long.toString(Limits.LEAST_MEMORY));
    assertThat(memory.resolve("jail-0/memory.swappiness")).hasContent("0");
    assertThat(pids.resolve("jail-0/pids.max")).hasContent("72");
  }

  @Test
  void aGroupIsUsedAgainOnlyWhenItsLastProcessHasGone() throws Exception {
    Cgroups cgroups = Cgroups.over(Cgroups.Version.V2, Map.of("v2", group));
    Cgroup first = cgroups.take().orElseThrow();
    Path procs = group.resolve("jail-0/cgroup.procs");
    Files.writeString(procs, "4711\n");
    first.release();

    assertThat(cgroups.take().orElseThrow().names()).containsExactly("v2/jail-1");
    Files.writeString(procs, "");
    assertThat(cgroups.take().orElseThrow()).isSameAs(first);
  }

  @Test
  void aLimitThatTheKernelRefusesIsSaid() throws Exception {
    Cgroups cgroups = Cgroups.over(Cgroups.Version.V2, Map.of("v2", group));
    Cgroup jail = cgroups.take().orElseThrow();
    Files.writeString(group.resolve("jail-0/memory.events"), "oom_kill 0\n");
    Files.createDirectory(group.resolve("jail-0/memory.max"));

    assertThatThrownBy(() -> jail.limitMemory(64L << 20))
        .hasMessageContaining("memory.max does not take 67108864");
  }

  private void offer(String controllers) throws IOException {
    Files.writeString(group.resolve("cgroup.controllers"), controllers + "\n");
    Files.writeString(group.resolve("cgroup.subtree_control"), "");
  }

  private CgroupSearch search(String own) {
    return new CgroupSearch(
        List.of("29 1 0:26 / " + kernel + " rw,nosuid - cgroup2 cgroup2 rw"), List.of(own));
  }
}
