package dev.turnstone.sandbox;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.turnstone.sandbox.jail.HostTools;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/// The languages of this machine: those that SandboxFusion names and whose toolchain jails can see.
final class Languages {
  private static final Map<String, String> NONE = Map.of();
  static final Map<String, String> GO =
      Map.of(
          "GOCACHE",
          "/tmp/.gocache",
          "GOPATH",
          "/tmp/go",
          "GOFLAGS",
          "-p=2",
          "GOTOOLCHAIN",
          "local",
          "GOPROXY",
          "off",
          "GOMAXPROCS",
          "2");

  /// A row of the table: what a language needs and how it is run. The first program is the one that
  /// is asked for its version.
  private record Row(
      String label,
      String install,
      List<String> programs,
      String file,
      String compile,
      String run,
      Map<String, String> environment,
      boolean reserves) {}

  private static final List<Row> TABLE =
      List.of(
          new Row("python", "python3", List.of("python3"), "/tmp/main.py", "", "", NONE, false),
          new Row(
              "bash",
              "bash",
              List.of("bash"),
              "/tmp/main.sh",
              "",
              "bash /tmp/main.sh",
              NONE,
              false),
          new Row(
              "cpp",
              "g++",
              List.of("g++"),
              "/workspace/main.cpp",
              "g++ -std=c++17 main.cpp -o /tmp/main",
              "/tmp/main",
              NONE,
              false),
          new Row(
              "java",
              "default-jdk-headless",
              List.of("javac", "java"),
              "/workspace/Main.java",
              "javac -J-Xmx512m -J-XX:+UseSerialGC -J-XX:TieredStopAtLevel=1 -cp .:* Main.java",
              "java -XmxMEMORYm -XX:+UseSerialGC -XX:ActiveProcessorCount=2 -cp .:* -ea Main",
              NONE,
              true),
          new Row(
              "nodejs",
              "nodejs",
              List.of("node"),
              "/workspace/main.js",
              "",
              "node --max-old-space-size=MEMORY main.js",
              NONE,
              true),
          new Row(
              "typescript",
              "nodejs, and npm install -g tsx",
              List.of("tsx", "node"),
              "/workspace/main.ts",
              "",
              "tsx main.ts",
              NONE,
              true),
          new Row(
              "typescript",
              "nodejs, and npm install -g typescript",
              List.of("tsc", "node"),
              "/workspace/main.ts",
              "tsc --target es2022 --module commonjs --moduleResolution node --skipLibCheck"
                  + " --noEmitOnError false --outDir /tmp/out main.ts",
              "node --max-old-space-size=MEMORY /tmp/out/main.js",
              NONE,
              true),
          new Row(
              "go",
              "golang-go",
              List.of("go"),
              "/workspace/main.go",
              "/bin/sh -c " + GoCache.COMPILE,
              "/tmp/main",
              GO,
              true),
          new Row(
              "rust",
              "rustc",
              List.of("rustc"),
              "/workspace/main.rs",
              "rustc main.rs -o /tmp/main",
              "/tmp/main",
              NONE,
              false),
          script("perl", "perl", "perl", "main.pl"),
          script("ruby", "ruby", "ruby", "main.rb"),
          script("lua", "lua5.4", "lua", "main.lua"),
          script("php", "php-cli", "php", "main.php"),
          script("R", "r-base-core", "Rscript", "main.R"));

  /// What SandboxFusion runs besides.
  private static final Set<String> OTHERS =
      Set.of(
          "go_test",
          "csharp",
          "sql",
          "cuda",
          "D_ut",
          "scala",
          "julia",
          "pytest",
          "junit",
          "kotlin_script",
          "jest",
          "verilog",
          "python_gpu",
          "lean",
          "swift",
          "racket");

  private static Row script(String label, String install, String program, String file) {
    return new Row(
        label,
        install,
        List.of(program),
        "/workspace/" + file,
        "",
        program + " " + file,
        NONE,
        label.equals("R"));
  }

  private final Map<String, Language> present = new LinkedHashMap<>();
  private final Map<String, String> missing = new LinkedHashMap<>();

  private Languages() {}

  /// Looks for every toolchain of the table, where jails look.
  static Languages find(HostTools tools) {
    List<Path> folders = Arrays.stream(tools.path().split(":")).map(Path::of).toList();
    Languages languages = new Languages();
    for (Row row : TABLE)
      if (!languages.present.containsKey(row.label())) languages.look(row, folders);
    return languages;
  }

  private void look(Row row, List<Path> folders) {
    Map<String, Path> found = new LinkedHashMap<>();
    for (String program : row.programs()) {
      Optional<Path> path =
          folders.stream().map(f -> f.resolve(program)).filter(Files::isExecutable).findFirst();
      if (path.isEmpty()) {
        missing.merge(row.label(), row.install(), (a, b) -> a.equals(b) ? a : a + "; or " + b);
        return;
      }
      found.put(program, path.get());
    }
    missing.remove(row.label());
    Path first = found.values().iterator().next();
    present.put(
        row.label(),
        new Language(
            row.label(),
            row.file(),
            command(row.compile(), found),
            command(row.run(), found),
            row.environment(),
            row.reserves(),
            version(first, row.label())));
  }

  private static List<String> command(String text, Map<String, Path> found) {
    if (text.isEmpty()) return List.of();
    // A shell takes the rest of the line as one word.
    List<String> words =
        new ArrayList<>(List.of(text.split(" ", text.startsWith("/bin/sh") ? 3 : -1)));
    Path program = found.get(words.getFirst());
    if (program != null) words.set(0, program.toString());
    return List.copyOf(words);
  }

  private static String version(Path program, String label) {
    try {
      Process process =
          new ProcessBuilder(program.toString(), label.equals("go") ? "version" : "--version")
              .redirectErrorStream(true)
              .start();
      process.getOutputStream().close();
      String said = new String(process.getInputStream().readNBytes(4096), UTF_8);
      if (!process.waitFor(10, TimeUnit.SECONDS)) process.destroyForcibly();
      return said.lines().map(String::strip).filter(line -> !line.isEmpty()).findFirst().orElse("");
    } catch (IOException e) {
      return "unknown: " + e.getMessage();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return "unknown";
    }
  }

  /// Whether the name is one that requests may bear, be its toolchain here or not.
  boolean knows(String label) {
    return present.containsKey(label) || missing.containsKey(label) || OTHERS.contains(label);
  }

  Optional<Language> language(String label) {
    return Optional.ofNullable(present.get(label));
  }

  Language python() {
    return get(Language.PYTHON);
  }

  Language get(String label) {
    return language(label).orElseThrow(() -> new IllegalStateException(whyMissing(label)));
  }

  /// Why a program in a known language cannot run here, and what to do.
  String whyMissing(String label) {
    if (OTHERS.contains(label))
      return "%s is not a language of this sandbox; GET /v1/languages lists those it runs"
          .formatted(label);
    return "%s is not installed on this sandbox's machine (Debian, Ubuntu: apt-get install %s); GET /v1/languages lists what is"
        .formatted(label, missing.getOrDefault(label, label));
  }

  /// All names, such as `'python', 'bash' or 'cpp'`.
  String names() {
    List<String> names = new ArrayList<>();
    present.keySet().forEach(name -> names.add("'" + name + "'"));
    missing.keySet().forEach(name -> names.add("'" + name + "'"));
    return String.join(", ", names.subList(0, names.size() - 1)) + " or " + names.getLast();
  }

  /// `{"languages":[{"language","available","version"|"install"}]}`
  ObjectNode json() {
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    ArrayNode list = json.putArray("languages");
    present
        .values()
        .forEach(l ->
            list.addObject()
                .put("language", l.label())
                .put("available", true)
                .put("version", l.version()));
    missing.forEach((label, install) ->
        list.addObject().put("language", label).put("available", false).put("install", install));
    return json;
  }
}
