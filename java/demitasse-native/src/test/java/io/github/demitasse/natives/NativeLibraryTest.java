package io.github.demitasse.natives;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NativeLibraryTest {
  @Test
  void tellsWhatTheMachineOffers() {
    assertTrue(NativeLibrary.version().matches("\\d+\\.\\d+\\.\\d+.*"), NativeLibrary.version());
    assertTrue(List.of("scalar", "avx2", "avx512").contains(NativeLibrary.isa()));
    assertTrue(NativeLibrary.availableThreads() >= 1);
    assertTrue(NativeLibrary.availableThreads() <= Runtime.getRuntime().availableProcessors());
    if (NativeLibrary.isa().equals("avx512")) {
      assertTrue(NativeLibrary.features().contains("avx512_vnni"), "" + NativeLibrary.features());
    }
  }

  @Test
  void environmentVariableCapsTheInstructionSet() throws Exception {
    Run run = java(System.getProperty("java.class.path"), Map.of("DEMITASSE_ISA", "scalar"));
    assertEquals(0, run.exitCode, run.output);
    assertEquals("isa=scalar", run.output.strip());
  }

  @Test
  void missingClassifierJarIsNamed(@TempDir Path folder) throws Exception {
    Path natives = classesWithoutLibrary(folder);
    String classPath =
        Stream.concat(
                Stream.of(natives.toString()),
                Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
                    .filter(entry -> !entry.endsWith("target" + File.separator + "classes")))
            .collect(Collectors.joining(File.pathSeparator));
    Run run = java(classPath, Map.of());
    assertNotEquals(0, run.exitCode, run.output);
    assertTrue(run.output.contains("demitasse-native with classifier linux-"), run.output);
  }

  @Test
  void remediesNameTheProperty() {
    String cache = "org.bytedeco.javacpp.cachedir";
    for (String reported :
        List.of(
            "x.so: failed to map segment from shared object",
            "Could not create the cache: Set \"org.bytedeco.javacpp.cachedir\"",
            "No space left on device")) {
      String remedy = LoadFailure.remedy(List.of("no jniDemitasse in path", reported), "linux-x");
      assertTrue(remedy.contains("-D" + cache + "="), remedy);
    }
    assertTrue(
        LoadFailure.remedy(List.of("/lib/libc.so.6: version `GLIBC_2.34' not found"), "linux-x")
            .contains("C library"));
  }

  @Test
  void explanationListsTheCauses() {
    String text =
        LoadFailure.explain(
            new UnsatisfiedLinkError("no jniDemitasse in java.library.path") {
              private static final long serialVersionUID = 1;

              @Override
              public synchronized Throwable getCause() {
                return new UnsatisfiedLinkError("failed to map segment from shared object");
              }
            });
    assertTrue(text.contains("noexec"), text);
    assertTrue(text.contains("no jniDemitasse in java.library.path"), text);
  }

  private record Run(int exitCode, String output) {}

  private static Run java(String classPath, Map<String, String> environment)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-cp", classPath, PrintIsa.class.getName()));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().putAll(environment);
    Process process = builder.start();
    String output = new String(process.getInputStream().readAllBytes());
    assertTrue(process.waitFor(60, TimeUnit.SECONDS));
    // JDK 24+ prints warnings about native access.
    String text =
        output
            .lines()
            .filter(line -> !line.startsWith("WARNING"))
            .collect(Collectors.joining("\n"));
    return new Run(process.exitValue(), text);
  }

  private static Path classesWithoutLibrary(Path folder) throws Exception {
    Path classes =
        Path.of(NativeLibrary.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    Path copy = folder.resolve("classes");
    try (Stream<Path> files = Files.walk(classes)) {
      for (Path file : files.filter(f -> f.toString().endsWith(".class")).toList()) {
        Path target = copy.resolve(classes.relativize(file).toString());
        Files.createDirectories(target.getParent());
        Files.copy(file, target);
      }
    }
    return copy;
  }

  /** Runs in a JVM of its own. */
  static final class PrintIsa {
    public static void main(String[] arguments) {
      System.out.println("isa=" + NativeLibrary.isa());
    }
  }
}
