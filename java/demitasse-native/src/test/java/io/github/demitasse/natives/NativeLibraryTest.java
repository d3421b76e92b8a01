package io.github.demitasse.natives;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.nio.file.Path;
import java.util.List;
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
    ProcessBuilder java = ChildJvm.builder(System.getProperty("java.class.path"));
    java.environment().put("DEMITASSE_ISA", "scalar");
    ChildJvm.Run run = ChildJvm.run(java);
    assertEquals(0, run.exitCode(), run.output());
    assertEquals("isa=scalar", run.output());
  }

  @Test
  void missingClassifierJarIsNamed(@TempDir Path folder) throws Exception {
    Path natives = folder.resolve("classes");
    ChildJvm.copyClasses(natives, file -> file.toString().endsWith(".class"));
    ChildJvm.Run run = ChildJvm.run(natives + File.pathSeparator + ChildJvm.testClasses());
    assertNotEquals(0, run.exitCode(), run.output());
    assertTrue(run.output().contains("demitasse-native with classifier linux-"), run.output());
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
}
