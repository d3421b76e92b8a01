package io.github.demitasse.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MainTest {
  @TempDir Path folder;

  @Test
  void wrongUsageIsSaidInOneLine() {
    Cli.run().misused("name a command");
    Cli.run("brew").misused("brew");
    Cli.run("inspect", "--nonsense", "x.onnx").misused("--nonsense");
    Cli.run("inspect").misused("MODEL or --system");
    Cli.run("compress", "x.onnx", "-o", "y.dmt").misused("--preset");
    Cli.run("benchmark", "x.onnx", "--shape", "x=1", "--threads", "many").misused("many");
    Cli.run("benchmark", "x.onnx", "--shape", "x=1", "--seconds", "NaN").misused("--seconds");
    Cli.run("evaluate", "x.onnx", "--data", "x.tsv", "--batch", "0").misused("--batch");
  }

  @ParameterizedTest
  @ValueSource(strings = {"inspect", "compress", "evaluate", "benchmark", "run", "convert"})
  void everyCommandHasHelpThatFitsATerminal(String command) {
    Cli.Result result = Cli.run(command, "--help");
    assertEquals(0, result.code());
    assertEquals("", result.err());
    assertTrue(result.out().startsWith("Usage: demitasse " + command), result.out());
    assertTrue(result.out().lines().allMatch(line -> line.length() <= 100), result.out());
  }

  @Test
  void stackTracesComeOnlyWhenAskedFor() {
    Cli.run("inspect", "nowhere.onnx").failed("nowhere.onnx", "there is no such file");
    Cli.Result verbose = Cli.run("inspect", "nowhere.onnx", "--verbose");
    assertEquals(1, verbose.code());
    assertTrue(verbose.err().contains("\tat io.github.demitasse"), verbose.err());
  }

  @Test
  void outputThatCannotBeWrittenIsAFailure() throws Exception {
    File full = new File("/dev/full");
    assumeTrue(full.exists(), "there is no /dev/full here");
    Cli.Result result =
        Cli.run(
            new ProcessBuilder(Cli.process(List.of(), "inspect", "--system")).redirectOutput(full));
    result.failed("standard output cannot be written");
  }

  @Test
  void tooLittleMemoryIsSaidInOneLine() throws Exception {
    Cli.Result result =
        Cli.run(
            new ProcessBuilder(
                Cli.process(
                    List.of("-Xmx24m"),
                    "compress",
                    TestFiles.miniLm(),
                    "--preset",
                    "int8",
                    "-o",
                    folder.resolve("x.dmt"))));
    result.failed("not enough memory", "-Xmx");
    assertEquals(List.of(), Cli.files(folder));
  }

  @Test
  void aNativeLibraryThatCannotBeLoadedIsSaidInOneLine() throws Exception {
    Cli.Result result =
        Cli.run(
            new ProcessBuilder(
                Cli.process(
                    List.of("-Dorg.bytedeco.javacpp.platform=none-such"), "inspect", "--system")));
    result.failed("demitasse");
  }
}
