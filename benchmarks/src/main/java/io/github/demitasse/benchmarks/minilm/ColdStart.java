package io.github.demitasse.benchmarks.minilm;

import io.github.demitasse.tensor.Tensor;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Opening all-MiniLM-L6-v2 and the first result, and the peak memory of a process that runs it at
 * batch 1, each in a fresh JVM, in turns.
 *
 * <p>Argument: our INT8 model. With {@code --child ours|theirs MODEL}: does the work once.
 */
public final class ColdStart {
  private static final int ROUNDS = 9;
  private static final int TOKENS = 128;

  /** Runs after the first, so that memory has reached what a service would see. */
  private static final int FURTHER_RUNS = 20;

  private ColdStart() {}

  public static void main(String[] arguments) throws Exception {
    if (arguments[0].equals("--child")) {
      child(arguments[1].equals("ours"), Path.of(arguments[2]));
      return;
    }
    double[][] ours = new double[ROUNDS][];
    double[][] theirs = new double[ROUNDS][];
    for (int i = 0; i < ROUNDS; i++) {
      ours[i] = spawn("ours", arguments[0]);
      theirs[i] = spawn("theirs", MiniLm.quantizedByOthers().toString());
    }
    System.out.println("| what | ours | ONNX Runtime, -q | ratio |");
    System.out.println("|---|---|---|---|");
    print("open and first result, ms", ours, theirs, 0);
    print("peak resident memory at batch 1, MB", ours, theirs, 1);
  }

  private static void print(String what, double[][] ours, double[][] theirs, int column) {
    double our = median(ours, column);
    double their = median(theirs, column);
    System.out.printf(Locale.ROOT, "| %s | %.1f | %.1f | %.2fx |%n", what, our, their, our / their);
  }

  private static double median(double[][] rows, int column) {
    double[] values = Arrays.stream(rows).mapToDouble(row -> row[column]).sorted().toArray();
    return values[values.length / 2];
  }

  private static double[] spawn(String who, String model) throws Exception {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-cp", System.getProperty("java.class.path")));
    command.addAll(List.of(ColdStart.class.getName(), "--child", who, model));
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    String answer = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    if (process.waitFor() != 0) {
      throw new IllegalStateException("the child process failed");
    }
    return Arrays.stream(answer.trim().split(" ")).mapToDouble(Double::parseDouble).toArray();
  }

  private static void child(boolean ours, Path model) throws Exception {
    TokenBatch batch = TokenBatch.full(1, TOKENS);
    long start = System.nanoTime();
    double milliseconds;
    if (ours) {
      try (DemitasseModel demitasse = new DemitasseModel(model, 2)) {
        Map<String, Tensor> inputs = DemitasseModel.prepare(batch);
        demitasse.run(inputs);
        milliseconds = (System.nanoTime() - start) / 1e6;
        for (int i = 0; i < FURTHER_RUNS; i++) {
          demitasse.run(inputs);
        }
      }
    } else {
      try (OnnxRuntimeModel onnxRuntime = new OnnxRuntimeModel(model, 2)) {
        onnxRuntime.run(batch);
        milliseconds = (System.nanoTime() - start) / 1e6;
        for (int i = 0; i < FURTHER_RUNS; i++) {
          onnxRuntime.run(batch);
        }
      }
    }
    System.out.printf(Locale.ROOT, "%.3f %.3f%n", milliseconds, peakResidentMegabytes());
  }

  private static double peakResidentMegabytes() throws Exception {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("VmHWM:")) {
        return Long.parseLong(line.replaceAll("\\D", "")) / 1e3;
      }
    }
    throw new IllegalStateException("the kernel does not tell the peak memory");
  }
}
