package io.github.demitasse;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.conditions.ArchConditions.onlyDependOnClassesThat;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.GeneralCodingRules.NO_CLASSES_SHOULD_ACCESS_STANDARD_STREAMS;
import static com.tngtech.archunit.library.GeneralCodingRules.NO_CLASSES_SHOULD_USE_JAVA_UTIL_LOGGING;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.core.importer.Location;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.library.dependencies.SliceAssignment;
import com.tngtech.archunit.library.dependencies.SliceIdentifier;

/** Which package may know which: the folder tree is the architecture. */
@AnalyzeClasses(
    packages = "io.github.demitasse",
    importOptions = {
      ImportOption.DoNotIncludeTests.class,
      ImportOption.DoNotIncludeJars.class,
      DependencyRulesTest.OfThisModule.class
    })
final class DependencyRulesTest {
  private static final String ROOT = "io.github.demitasse.";
  private static final String TENSOR = ROOT + "tensor..";
  private static final String WEIGHT = ROOT + "weight..";
  private static final String GRAPH = ROOT + "graph";
  private static final String REWRITE = ROOT + "graph.rewrite..";
  private static final String OPERATOR = ROOT + "operator..";
  private static final String FORMAT = ROOT + "format..";
  private static final String RUNTIME = ROOT + "runtime..";
  private static final String COMPRESS = ROOT + "compress..";
  private static final String EVALUATE = ROOT + "evaluate..";
  private static final String NATIVES = ROOT + "natives..";
  private static final String COMMAND_LINE = ROOT + "cli..";

  @ArchTest static final ArchRule tensorsKnowNothingElse = mayKnow(TENSOR);

  @ArchTest static final ArchRule weightsKnowTensors = mayKnow(WEIGHT, TENSOR);

  @ArchTest static final ArchRule graphsKnowTensors = mayKnow(GRAPH, TENSOR);

  @ArchTest static final ArchRule operatorsKnowDataOnly = mayKnow(OPERATOR, GRAPH, TENSOR, WEIGHT);

  @ArchTest
  static final ArchRule rewritesKnowOperatorsAndData =
      mayKnow(REWRITE, OPERATOR, GRAPH, TENSOR, WEIGHT);

  @ArchTest
  static final ArchRule formatsKnowDataAndRewrites =
      mayKnow(FORMAT, REWRITE, GRAPH, TENSOR, WEIGHT);

  @ArchTest static final ArchRule metricsKnowTensors = mayKnow(EVALUATE, TENSOR);

  @ArchTest
  static final ArchRule theRuntimeKnowsNothingOfFilesAndCompression =
      mayKnow(RUNTIME, NATIVES, REWRITE, OPERATOR, GRAPH, TENSOR, WEIGHT);

  @ArchTest
  static final ArchRule compressionRunsModelsButDoesNotReadFiles =
      mayKnow(COMPRESS, RUNTIME, EVALUATE, REWRITE, OPERATOR, GRAPH, TENSOR, WEIGHT);

  @ArchTest
  static final ArchRule onlyTheRuntimeTalksToTheNativeLibrary =
      noClasses()
          .that()
          .resideOutsideOfPackage(RUNTIME)
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(NATIVES, "org.bytedeco..");

  @ArchTest
  static final ArchRule nothingKnowsTheCommandLine =
      noClasses().should().dependOnClassesThat().resideInAPackage(COMMAND_LINE);

  @ArchTest static final ArchRule nothingPrints = NO_CLASSES_SHOULD_ACCESS_STANDARD_STREAMS;

  @ArchTest
  static final ArchRule nothingPrintsStackTraces =
      noClasses().should().callMethod(Throwable.class, "printStackTrace");

  @ArchTest static final ArchRule loggingIsSlf4j = NO_CLASSES_SHOULD_USE_JAVA_UTIL_LOGGING;

  @ArchTest
  static final ArchRule noCyclesBetweenPackages =
      slices().assignedFrom(new TopLevelPackages()).should().beFreeOfCycles();

  /**
   * Classes of this library that {@code from} may use, next to its own and to those of the root
   * package ({@link Model} and the exceptions).
   */
  private static ArchRule mayKnow(String from, String... packages) {
    return classes()
        .that()
        .resideInAPackage(from)
        .should(
            onlyDependOnClassesThat(
                resideInAPackage("io.github.demitasse..")
                    .negate()
                    .or(resideInAnyPackage("io.github.demitasse", from))
                    .or(resideInAnyPackage(packages))));
  }

  /**
   * The packages below the root, each with what is in it; {@code graph.rewrite} counts as one of
   * its own. The root package is left out: {@link Model#load} and {@link Model#save} lead to
   * formats, and formats make models.
   */
  private static final class TopLevelPackages implements SliceAssignment {
    @Override
    public SliceIdentifier getIdentifierOf(JavaClass type) {
      String name = type.getPackageName();
      if (!name.startsWith(ROOT)) {
        return SliceIdentifier.ignore();
      }
      if (name.startsWith(ROOT + "graph.rewrite")) {
        return SliceIdentifier.of("graph.rewrite");
      }
      return SliceIdentifier.of(name.substring(ROOT.length()).split("\\.")[0]);
    }

    @Override
    public String getDescription() {
      return "top-level packages";
    }
  }

  /** Leaves out the bindings, which are a folder of classes when all modules build together. */
  static final class OfThisModule implements ImportOption {
    @Override
    public boolean includes(Location location) {
      return !location.contains("/demitasse-native/");
    }
  }
}
