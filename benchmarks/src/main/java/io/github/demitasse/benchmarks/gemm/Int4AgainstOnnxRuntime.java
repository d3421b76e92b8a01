package io.github.demitasse.benchmarks.gemm;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import io.github.demitasse.Model;
import io.github.demitasse.benchmarks.harness.Duel;
import io.github.demitasse.graph.Attribute;
import io.github.demitasse.graph.Domains;
import io.github.demitasse.graph.Graph;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.HalfFloats;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Granularity;
import io.github.demitasse.weight.QuantizedWeight;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;

/**
 * A linear layer with INT4 weights in groups of 32 against ONNX Runtime's MatMulNBits of the same
 * codes with 8-bit arithmetic (accuracy level 4), both in this process, in turns. Both take floats
 * and give floats; ours rounds rows to 8 bits, theirs blocks of rows. Prints a table.
 */
public final class Int4AgainstOnnxRuntime {
  private static final int GROUP = 32;
  private static final int[][] SHAPES = {
    {1, 4096, 4096}, {1, 11008, 4096}, {16, 4096, 4096}, {128, 4096, 4096}, {1024, 4096, 4096}
  };
  private static final long TURN_MILLISECONDS = 300;

  private Int4AgainstOnnxRuntime() {}

  public static void main(String[] arguments) throws Exception {
    System.out.println("| m x n x k | threads | ours ms | MatMulNBits ms | ratio | minima |");
    System.out.println("|---|---|---|---|---|---|");
    for (int[] shape : SHAPES) {
      Layer layer = new Layer(shape[0], shape[1], shape[2]);
      Path file = Files.createTempFile("matmulnbits", ".onnx");
      try {
        layer.onnx().save(file);
        for (int threads : new int[] {1, 2}) {
          fight(layer, file, threads);
        }
      } finally {
        Files.delete(file);
      }
    }
  }

  private static void fight(Layer layer, Path file, int threads) throws Exception {
    try (NativeLinear ours =
            new NativeLinear(layer.weight(), new float[layer.n], layer.x, layer.m, threads);
        OnnxLayer theirs = new OnnxLayer(file, layer, threads)) {
      requireSimilar(ours.result(), theirs.result());
      Duel.Outcome outcome = Duel.fight(ours::run, theirs::run, TURN_MILLISECONDS);
      System.out.printf(
          Locale.ROOT,
          "| %d x %d x %d | %d | %.3f | %.3f | %.2fx | %.3f / %.3f |%n",
          layer.m,
          layer.n,
          layer.k,
          threads,
          outcome.ours(),
          outcome.theirs(),
          outcome.ratio(),
          outcome.oursMinimum(),
          outcome.theirsMinimum());
    }
  }

  /** Both round activations to 8 bits, each in its way. */
  private static void requireSimilar(float[] ours, float[] theirs) {
    double product = 0;
    double oursSquared = 0;
    double theirsSquared = 0;
    for (int i = 0; i < ours.length; i++) {
      product += (double) ours[i] * theirs[i];
      oursSquared += (double) ours[i] * ours[i];
      theirsSquared += (double) theirs[i] * theirs[i];
    }
    double cosine = product / Math.sqrt(oursSquared * theirsSquared);
    if (!(cosine > 0.9995) || Math.abs(oursSquared / theirsSquared - 1) > 1e-2) {
      throw new IllegalStateException("results differ: cosine " + cosine);
    }
  }

  /** Random codes, scales and activations. */
  private static final class Layer {
    private final int m;
    private final int n;
    private final int k;
    private final float[] x;
    private final byte[] codes; // [k][n], 0 .. 15, zero is 8
    private final float[] scales; // [k / GROUP][n]

    Layer(int m, int n, int k) {
      this.m = m;
      this.n = n;
      this.k = k;
      Random random = new Random(1);
      x = new float[m * k];
      for (int i = 0; i < x.length; i++) {
        x[i] = (float) random.nextGaussian();
      }
      codes = new byte[k * n];
      random.nextBytes(codes);
      scales = new float[k / GROUP * n];
      for (int i = 0; i < scales.length; i++) {
        short half = HalfFloats.floatToFloat16(0.01f + 0.01f * random.nextFloat());
        scales[i] = HalfFloats.float16ToFloat(half);
      }
      for (int i = 0; i < codes.length; i++) {
        codes[i] &= 15;
      }
    }

    QuantizedWeight weight() {
      byte[] packed = new byte[k * n / 2];
      for (int i = 0; i < packed.length; i++) {
        packed[i] = (byte) ((codes[2 * i] ^ 8) | (codes[2 * i + 1] ^ 8) << 4);
      }
      return new QuantizedWeight(
          Tensor.ofBytes(DataType.INT4, packed, k, n),
          Tensor.fromFloats(DataType.FLOAT16, scales, k / GROUP, n),
          null,
          new Granularity.PerGroup(0, GROUP));
    }

    Model onnx() {
      int groups = k / GROUP;
      byte[] packed = new byte[n * k / 2]; // [n][groups][GROUP / 2]
      float[] steps = new float[n * groups];
      for (int column = 0; column < n; column++) {
        for (int i = 0; i < k; i += 2) {
          int both = codes[i * n + column] | codes[(i + 1) * n + column] << 4;
          packed[(column * k + i) / 2] = (byte) both;
        }
        for (int group = 0; group < groups; group++) {
          steps[column * groups + group] = scales[group * n + column];
        }
      }
      Node node =
          new Node(
              "product",
              Domains.MICROSOFT,
              "MatMulNBits",
              List.of("x", "codes", "scales"),
              List.of("y"),
              Map.of(
                  "K", Attribute.of((long) k),
                  "N", Attribute.of((long) n),
                  "bits", Attribute.of(4L),
                  "block_size", Attribute.of((long) GROUP),
                  "accuracy_level", Attribute.of(4L)));
      Graph graph =
          new Graph(
              "linear",
              Map.of("", 17, Domains.MICROSOFT, 1),
              List.of(new ValueInfo("x", DataType.FLOAT32, Shape.of(m, k))),
              List.of(new ValueInfo("y", DataType.FLOAT32, Shape.of(m, n))),
              List.of(node),
              Map.of());
      return new Model(
          graph,
          Map.of(
              "codes",
              new DenseWeight(Tensor.ofBytes(DataType.UINT8, packed, n, groups, GROUP / 2)),
              "scales",
              new DenseWeight(Tensor.of(steps, n * groups))),
          Map.of());
    }
  }

  /** Confined to one thread: the layer in ONNX Runtime, all optimizations, direct buffers. */
  private static final class OnnxLayer implements AutoCloseable {
    private final OrtSession session;
    private final OnnxTensor x;

    OnnxLayer(Path file, Layer layer, int threads) throws OrtException {
      OrtEnvironment environment = OrtEnvironment.getEnvironment();
      OrtSession.SessionOptions options = new OrtSession.SessionOptions();
      options.setIntraOpNumThreads(threads);
      options.setInterOpNumThreads(1);
      options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.ALL_OPT);
      session = environment.createSession(file.toString(), options);
      FloatBuffer direct =
          ByteBuffer.allocateDirect(layer.x.length * Float.BYTES)
              .order(ByteOrder.nativeOrder())
              .asFloatBuffer();
      direct.put(layer.x).flip();
      x = OnnxTensor.createTensor(environment, direct, new long[] {layer.m, layer.k});
    }

    void run() throws OrtException {
      session.run(Map.of("x", x)).close();
    }

    float[] result() throws OrtException {
      try (OrtSession.Result result = session.run(Map.of("x", x))) {
        FloatBuffer values = ((OnnxTensor) result.get(0)).getFloatBuffer();
        float[] y = new float[values.remaining()];
        values.get(y);
        return y;
      }
    }

    @Override
    public void close() throws OrtException {
      x.close();
      session.close();
    }
  }
}
