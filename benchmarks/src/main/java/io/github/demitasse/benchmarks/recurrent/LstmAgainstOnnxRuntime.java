package io.github.demitasse.benchmarks.recurrent;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import io.github.demitasse.Model;
import io.github.demitasse.benchmarks.harness.Duel;
import io.github.demitasse.compress.Compressor;
import io.github.demitasse.compress.Recipe;
import io.github.demitasse.compress.quantize.NumberFormat;
import io.github.demitasse.compress.quantize.Quantize;
import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.Graph;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.runtime.Session;
import io.github.demitasse.runtime.SessionOptions;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.QuantizedWeight;
import io.github.demitasse.weight.Weight;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;

/**
 * An LSTM of random weights against ONNX Runtime, both in this process, in turns: floats against
 * its LSTM, INT8 weights against that, and INT8 weights and activations against its
 * DynamicQuantizeLSTM of the same codes. Prints a table and the sizes of the files.
 *
 * <p>Arguments: hidden units, 256 unless given.
 */
public final class LstmAgainstOnnxRuntime {
  private static final int STEPS = 64;
  private static final int INPUTS = 128;
  private static final long TURN_MILLISECONDS = 150;

  private final int hidden;
  private final int batch;
  private final float[] x;

  private LstmAgainstOnnxRuntime(int hidden, int batch) {
    this.hidden = hidden;
    this.batch = batch;
    x = floats(new Random(1), STEPS * batch * INPUTS, 1);
  }

  public static void main(String[] arguments) throws Exception {
    int hidden = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 256;
    System.out.println(
        "| steps x inputs x hidden, batch | threads | ours | ONNX Runtime | ours ms | theirs ms |"
            + " ratio | minima |");
    System.out.println("|---|---|---|---|---|---|---|---|");
    for (int batch : new int[] {1, 8}) {
      new LstmAgainstOnnxRuntime(hidden, batch).fightAll();
    }
  }

  private void fightAll() throws Exception {
    Model floats = lstm();
    Model weights = compressed(floats, Quantize.weights(NumberFormat.INT8));
    Model integers =
        compressed(floats, Quantize.weights(NumberFormat.INT8).activations(NumberFormat.INT8));
    Path folder = Files.createTempDirectory("lstm");
    Path ofFloats = folder.resolve("floats.onnx");
    Path ofIntegers = folder.resolve("integers.onnx");
    Path ours = folder.resolve("ours.dmt");
    try {
      floats.save(ofFloats);
      dynamicQuantizeLstm(weights).save(ofIntegers);
      integers.save(ours);
      for (int threads : new int[] {1, 2}) {
        fight("FP32", floats, "LSTM", ofFloats, threads, 0.99999);
        fight("INT8 weights", weights, "LSTM", ofFloats, threads, 0.999);
        fight("INT8", integers, "LSTM", ofFloats, threads, 0.999);
        fight("INT8", integers, "DynamicQuantizeLSTM", ofIntegers, threads, 0.995);
      }
      if (batch == 1) {
        System.err.printf(
            "files: FP32 %,d bytes, INT8 %,d bytes%n", Files.size(ofFloats), Files.size(ours));
      }
    } finally {
      for (Path file : List.of(ofFloats, ofIntegers, ours)) {
        Files.deleteIfExists(file);
      }
      Files.delete(folder);
    }
  }

  private void fight(
      String name, Model model, String theirName, Path file, int threads, double cosine)
      throws Exception {
    try (Session ours = Session.open(model, SessionOptions.threads(threads));
        Tensor input = Tensor.of(x, STEPS, batch, INPUTS);
        OnnxLstm theirs = new OnnxLstm(file, threads)) {
      Map<String, Tensor> inputs = Map.of("x", input);
      float[] result;
      try (Tensor y = ours.run(inputs).get("y")) {
        result = y.toFloats();
      }
      requireSimilar(result, theirs.result(), cosine);
      Duel.Outcome outcome =
          Duel.fight(() -> ours.run(inputs).get("y").close(), theirs::run, TURN_MILLISECONDS);
      System.out.printf(
          Locale.ROOT,
          "| %d x %d x %d, %d | %d | %s | %s | %.3f | %.3f | %.2fx | %.3f / %.3f |%n",
          STEPS,
          INPUTS,
          hidden,
          batch,
          threads,
          name,
          theirName,
          outcome.ours(),
          outcome.theirs(),
          outcome.ratio(),
          outcome.oursMinimum(),
          outcome.theirsMinimum());
    }
  }

  private static void requireSimilar(float[] ours, float[] theirs, double least) {
    double product = 0;
    double oursSquared = 0;
    double theirsSquared = 0;
    for (int i = 0; i < ours.length; i++) {
      product += (double) ours[i] * theirs[i];
      oursSquared += (double) ours[i] * ours[i];
      theirsSquared += (double) theirs[i] * theirs[i];
    }
    double cosine = product / Math.sqrt(oursSquared * theirsSquared);
    if (!(cosine >= least)) {
      throw new IllegalStateException("results differ: cosine " + cosine);
    }
  }

  private static Model compressed(Model model, Quantize step) {
    return Compressor.on(model).apply(Recipe.of(step)).model();
  }

  private static float[] floats(Random random, int count, double deviation) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) (random.nextGaussian() * deviation);
    }
    return values;
  }

  private Model lstm() {
    Random random = new Random(2);
    int width = 4 * hidden;
    double deviation = 0.6 / Math.sqrt(hidden);
    Map<String, Weight> weights = new LinkedHashMap<>();
    weights.put("w", dense(floats(random, width * INPUTS, deviation), 1, width, INPUTS));
    weights.put("r", dense(floats(random, width * hidden, deviation), 1, width, hidden));
    weights.put("b", dense(floats(random, 2 * width, deviation), 1, 2 * width));
    return model(
        new Node("lstm", "", "LSTM", List.of("x", "w", "r", "b"), outputs(), size()), weights);
  }

  private static Weight dense(float[] values, long... shape) {
    return new DenseWeight(Tensor.of(values, shape));
  }

  private static List<String> outputs() {
    return List.of("y");
  }

  private Map<String, Attribute> size() {
    return Map.of("hidden_size", Attribute.of((long) hidden));
  }

  private Model model(Node node, Map<String, Weight> weights) {
    Graph graph =
        new Graph(
            "lstm",
            Map.of("", 17, Domains.MICROSOFT, 1),
            List.of(new ValueInfo("x", DataType.FLOAT32, Shape.of(STEPS, batch, INPUTS))),
            List.of(new ValueInfo("y", DataType.FLOAT32, Shape.of(STEPS, 1, batch, hidden))),
            List.of(node),
            Map.of());
    return new Model(graph, weights, Map.of());
  }

  /** ONNX Runtime's operator for INT8 weights, with the codes and scales of ours. */
  private Model dynamicQuantizeLstm(Model ours) {
    Map<String, Weight> weights = new LinkedHashMap<>();
    weights.put("b", ours.weights().get("b"));
    for (String name : List.of("w", "r")) {
      QuantizedWeight weight = (QuantizedWeight) ours.weights().get(name);
      int rows = Math.toIntExact(weight.shape()[1]);
      int columns = Math.toIntExact(weight.shape()[2]);
      byte[] codes = weight.codes().toBytes();
      byte[] turned = new byte[codes.length];
      for (int i = 0; i < codes.length; i++) {
        turned[i % columns * rows + i / columns] = codes[i];
      }
      weights.put(name, new DenseWeight(Tensor.ofBytes(DataType.INT8, turned, 1, columns, rows)));
      weights.put(name + "_scale", dense(weight.scales().toFloats(), 1, rows));
      weights.put(
          name + "_zero", new DenseWeight(Tensor.ofBytes(DataType.INT8, new byte[rows], 1, rows)));
    }
    List<String> inputs =
        List.of("x", "w", "r", "b", "", "", "", "", "w_scale", "w_zero", "r_scale", "r_zero");
    return model(
        new Node("lstm", Domains.MICROSOFT, "DynamicQuantizeLSTM", inputs, outputs(), size()),
        weights);
  }

  /** Confined to one thread: a layer in ONNX Runtime, all optimizations, direct buffers. */
  private final class OnnxLstm implements AutoCloseable {
    private final OrtSession session;
    private final OnnxTensor input;

    OnnxLstm(Path file, int threads) throws OrtException {
      OrtEnvironment environment = OrtEnvironment.getEnvironment();
      OrtSession.SessionOptions options = new OrtSession.SessionOptions();
      options.setIntraOpNumThreads(threads);
      options.setInterOpNumThreads(1);
      options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.ALL_OPT);
      session = environment.createSession(file.toString(), options);
      FloatBuffer direct =
          ByteBuffer.allocateDirect(x.length * Float.BYTES)
              .order(ByteOrder.nativeOrder())
              .asFloatBuffer();
      direct.put(x).flip();
      input = OnnxTensor.createTensor(environment, direct, new long[] {STEPS, batch, INPUTS});
    }

    void run() throws OrtException {
      session.run(Map.of("x", input)).close();
    }

    float[] result() throws OrtException {
      try (OrtSession.Result result = session.run(Map.of("x", input))) {
        FloatBuffer values = ((OnnxTensor) result.get(0)).getFloatBuffer();
        float[] y = new float[values.remaining()];
        values.get(y);
        return y;
      }
    }

    @Override
    public void close() throws OrtException {
      input.close();
      session.close();
    }
  }
}
