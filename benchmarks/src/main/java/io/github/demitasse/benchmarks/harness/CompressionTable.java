package io.github.demitasse.benchmarks.harness;

import ai.onnxruntime.OnnxTensor;
import io.github.demitasse.Model;
import io.github.demitasse.evaluate.Dataset;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.runtime.Session;
import io.github.demitasse.runtime.SessionOptions;
import io.github.demitasse.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Confined to one thread: what compressing does to a classifier of one input: the bytes of its
 * file, its accuracy on a whole test set, and its time on one thread, in turns with ONNX Runtime
 * that runs the original and, where a variant says so, the compressed model as we export it.
 */
public final class CompressionTable {
  private static final int[] BATCHES = {1, 64};
  private static final long TURN_MILLISECONDS = 60;

  private final Path original;
  private final Model model;
  private final Examples test;
  private final Dataset calibration;
  private final String input;
  private final long[] shape;

  /**
   * For one classifier.
   *
   * @param original the ONNX file
   * @param shape of one example, without the batch
   * @param calibration numbers of examples to calibrate on
   */
  public CompressionTable(
      Path original, long[] shape, Examples test, Examples training, int calibration) {
    this.original = original;
    this.model = Model.load(original);
    this.test = test;
    this.shape = shape.clone();
    ValueInfo only = model.graph().inputs().get(0);
    this.input = only.name();
    List<Map<String, Tensor>> samples = new ArrayList<>();
    for (int i = 0; i < calibration; i++) {
      samples.add(Map.of(input, Tensor.of(training.batch(i, 1), shape(1))));
    }
    this.calibration = Dataset.of(samples);
  }

  /** Prints a row for each variant and batch. */
  public void print(String name, List<Variant> variants) throws Exception {
    Path folder = Files.createTempDirectory("demitasse-table");
    try {
      System.out.printf(
          "| %s | bytes | accuracy %% | batch | ours ms | ONNX Runtime, FP32 ms | ratio |"
              + " ONNX Runtime, exported ms | ratio | its accuracy %% |%n",
          name);
      System.out.println("|---|---|---|---|---|---|---|---|---|---|");
      for (Variant variant : variants) {
        print(variant, folder);
      }
    } finally {
      delete(folder);
    }
  }

  private void print(Variant variant, Path folder) throws Exception {
    Model compressed = variant.of(model, calibration);
    Path file = folder.resolve("compressed.dmt");
    compressed.save(file);
    double accuracy;
    try (Session session = Session.open(file)) {
      accuracy = Accuracy.of((values, batch) -> run(session, values, batch), test);
    }
    Path exported = folder.resolve("exported.onnx");
    double theirs = 0;
    if (variant.exported()) {
      compressed.save(exported);
      try (OnnxRuntimeNetwork network = OnnxRuntimeNetwork.open(exported, 0)) {
        theirs = Accuracy.of((values, batch) -> run(network, values, batch), test);
      }
    }
    for (int batch : BATCHES) {
      System.out.printf(
          Locale.ROOT,
          "| %s | %,d | %.2f | %d | %s |",
          variant.name(),
          Files.size(file),
          100 * accuracy,
          batch,
          text(duel(file, original, batch), true));
      if (variant.exported()) {
        String times = text(duel(file, exported, batch), false);
        System.out.printf(Locale.ROOT, " %s | %.2f |%n", times, 100 * theirs);
      } else {
        System.out.println(" | | |");
      }
    }
  }

  private static String text(Duel.Outcome outcome, boolean both) {
    String ours = both ? String.format(Locale.ROOT, "%.3f | ", outcome.ours()) : "";
    return ours + String.format(Locale.ROOT, "%.3f | %.2fx", outcome.theirs(), outcome.ratio());
  }

  private Duel.Outcome duel(Path ours, Path theirs, int batch) throws Exception {
    float[] values = test.batch(0, batch);
    try (Session session = Session.open(ours, SessionOptions.threads(1));
        OnnxRuntimeNetwork network = OnnxRuntimeNetwork.open(theirs, 1);
        Tensor tensor = Tensor.of(values, shape(batch));
        OnnxTensor other = network.tensor(values, shape(batch))) {
      return Duel.fight(() -> run(session, tensor), () -> network.run(other), TURN_MILLISECONDS);
    }
  }

  private float[] run(Session session, float[] values, int batch) {
    try (Tensor tensor = Tensor.of(values, shape(batch))) {
      return run(session, tensor);
    }
  }

  private float[] run(Session session, Tensor tensor) {
    try (Tensor result = session.run(Map.of(input, tensor)).values().iterator().next()) {
      return result.toFloats();
    }
  }

  private float[] run(OnnxRuntimeNetwork network, float[] values, int batch) throws Exception {
    try (OnnxTensor tensor = network.tensor(values, shape(batch))) {
      return network.run(tensor);
    }
  }

  private long[] shape(int batch) {
    long[] whole = new long[shape.length + 1];
    whole[0] = batch;
    System.arraycopy(shape, 0, whole, 1, shape.length);
    return whole;
  }

  private static void delete(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
    }
    Files.delete(folder);
  }
}
