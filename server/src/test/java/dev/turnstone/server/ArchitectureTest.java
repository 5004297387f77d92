package dev.turnstone.server;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.lang.conditions.ArchConditions.be;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The dependency rules of docs/ARCHITECTURE.md. This module sees all others, so they are checked
/// here, for all of them.
class ArchitectureTest {
  private static final String ROOT = "dev.turnstone.";

  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages("dev.turnstone");

  /// Which of our modules each module may use.
  private static final Map<String, Set<String>> USES =
      Map.of(
          "rollout", Set.of(),
          "sandbox", Set.of(),
          "openapi", Set.of(),
          "engine", Set.of("rollout"),
          "envadapters", Set.of("rollout"),
          "upstream", Set.of("rollout"),
          "trainerbridge", Set.of("rollout", "engine"));

  @ParameterizedTest
  @ValueSource(
      strings = {
        "rollout",
        "sandbox",
        "openapi",
        "engine",
        "envadapters",
        "upstream",
        "trainerbridge"
      })
  void aModuleUsesOnlyTheModulesBelowIt(String module) {
    List<String> others = new ArrayList<>();
    for (String other : List.of("server", "bench")) others.add(ROOT + other + "..");
    for (String other : USES.keySet())
      if (!other.equals(module) && !USES.getOrDefault(module, Set.of()).contains(other))
        others.add(ROOT + other + "..");

    noClasses()
        .that()
        .resideInAPackage(ROOT + module + "..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(others.toArray(String[]::new))
        .allowEmptyShould(true)
        .check(CLASSES);
  }

  @Test
  void rolloutUsesJavaBaseAndJSpecifyOnly() {
    classes()
        .that()
        .resideInAPackage(ROOT + "rollout..")
        .should()
        .onlyDependOnClassesThat(
            describe(
                "are its own, of java.base or of JSpecify",
                type ->
                    type.getPackageName().startsWith(ROOT + "rollout")
                        || type.getPackageName().startsWith("org.jspecify")
                        || isInJavaBase(type)))
        .check(CLASSES);
  }

  @Test
  void onlyServerAndSandboxSeeVertx() {
    onlyIn("io.vertx..", "server", "sandbox");
    onlyIn("io.netty..", "server", "sandbox");
  }

  @Test
  void onlyEngineAndTrainerBridgeSeeDjl() {
    onlyIn("ai.djl..", "engine", "trainerbridge");
  }

  @Test
  void onlyTrainerBridgeSeesTheDatabase() {
    onlyIn("java.sql..", "trainerbridge");
    onlyIn("org.flywaydb..", "trainerbridge");
  }

  @Test
  void packagesHaveNoCycles() {
    slices()
        .matching(ROOT + "(**)")
        .should()
        .beFreeOfCycles()
        .allowEmptyShould(true)
        .check(CLASSES);
  }

  @Test
  void namesSayWhatAThingIs() {
    noClasses()
        .should()
        .haveNameMatching(".*[.$](Abstract|Base)[A-Z][^.$]*")
        .orShould()
        .haveNameMatching(".*(Impl|Manager|Util|Utils|Helper)")
        .check(CLASSES);
  }

  @Test
  void everyPackageIsNullMarked() {
    classes()
        .should(
            be(
                describe(
                    "in a @NullMarked package",
                    type -> type.getPackage().isAnnotatedWith(NullMarked.class))))
        .check(CLASSES);
  }

  private static void onlyIn(String library, String... modules) {
    String[] packages = new String[modules.length];
    for (int i = 0; i < modules.length; i++) packages[i] = ROOT + modules[i] + "..";
    noClasses()
        .that()
        .resideOutsideOfPackages(packages)
        .should()
        .dependOnClassesThat()
        .resideInAPackage(library)
        .check(CLASSES);
  }

  private static boolean isInJavaBase(JavaClass type) {
    JavaClass element = type.getBaseComponentType();
    return element.isPrimitive()
        || Object.class.getModule().getPackages().contains(element.getPackageName());
  }
}
