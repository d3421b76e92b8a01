package io.github.demitasse.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.demitasse.Model;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.rewrite.Rewrites;
import io.github.demitasse.natives.Demitasse;
import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.testing.OnnxRuntimeOracle;
import io.github.demitasse.testing.TestModels;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** all-MiniLM-L6-v2, FP32 and as another tool quantized it, against ONNX Runtime. */
class MiniLmSessionTest {
  @TempDir static Path folder;
  private static Path floatFile;
  private static Path quantizedFile;

  @BeforeAll
  static void unpack() {
    floatFile = TestModels.resource(MiniLm.FLOAT, folder);
    quantizedFile = TestModels.resource(MiniLm.QUANTIZED, folder);
  }

  @Test
  void floatModelAgreesWithOnnxRuntime() throws Exception {
    try (OnnxRuntimeOracle oracle = new OnnxRuntimeOracle(floatFile, true);
        Session session = Session.open(floatFile)) {
      for (int[] lengths : new int[][] {{1}, {16}, {128}, {3, 30, 17, 64}, {5, 5}}) {
        Map<String, Tensor> inputs = MiniLm.inputs(lengths);
        Map<String, Tensor> expected = oracle.run(inputs);
        Map<String, Tensor> actual = session.run(inputs);
        assertEquals(expected.keySet(), actual.keySet());
        for (String name : expected.keySet()) {
          assertArrayEquals(expected.get(name).shape(), actual.get(name).shape());
          assertArrayEquals(
              expected.get(name).toFloats(), actual.get(name).toFloats(), 1e-4f, name);
        }
      }
    }
  }

  /**
   * Both quantize activations by the range of the whole tensor, where one rounding that falls the
   * other way may change all codes. Two thirds of the embeddings are the same, the others differ by
   * the error of the quantization itself; ONNX Runtime's optimized graph is no nearer to its own
   * plain one.
   */
  @Test
  void quantizedModelAgreesWithOnnxRuntime() throws Exception {
    List<Double> cosines = new ArrayList<>();
    try (OnnxRuntimeOracle oracle = new OnnxRuntimeOracle(quantizedFile, false);
        Session session = Session.open(quantizedFile)) {
      for (int length = 3; length <= 40; length++) {
        Map<String, Tensor> inputs = MiniLm.inputs(length);
        float[] expected = meanOverTokens(oracle.run(inputs).get("last_hidden_state"));
        float[] actual = meanOverTokens(session.run(inputs).get("last_hidden_state"));
        cosines.add(cosine(expected, actual));
      }
    }
    double mean = cosines.stream().mapToDouble(x -> x).average().orElseThrow();
    assertTrue(mean > 0.999, "mean cosine " + mean);
    long same = cosines.stream().filter(x -> x > 0.99999).count();
    assertTrue(same > cosines.size() / 3, same + " of " + cosines.size() + " are the same");
  }

  private static float[] meanOverTokens(Tensor hidden) {
    float[] mean = new float[MiniLm.WIDTH];
    float[] values = hidden.toFloats();
    for (int i = 0; i < values.length; i++) {
      mean[i % mean.length] += values[i] * mean.length / values.length;
    }
    return mean;
  }

  @Test
  void quantizedModelRunsOnTheIntegerKernels() {
    Model model = Rewrites.apply(Model.load(quantizedFile));
    int linear = 0;
    for (Node node : model.graph().nodes()) {
      if (node.operator().equals("Linear")) {
        linear++;
        assertTrue(
            WeightPacking.isInteger(model.weights().get(node.input(1)), false), node.toString());
        assertTrue(Lowering.isFakeQuantize(model.graph().producers().get(node.input(0))));
      }
    }
    assertEquals(24, linear);
  }

  @ParameterizedTest
  @ValueSource(strings = {MiniLm.FLOAT, MiniLm.QUANTIZED})
  void sentencesRunTogetherGiveWhatEachGivesAlone(String name) {
    try (Session session = Session.open(folder.resolve(name))) {
      List<Map<String, Tensor>> samples = new ArrayList<>();
      for (int length : new int[] {12, 3, 40, 7, 7, 21, 1, 64}) {
        samples.add(MiniLm.inputs(length));
      }
      List<Map<String, Tensor>> together = session.runAll(samples);
      for (int i = 0; i < samples.size(); i++) {
        SessionTest.assertSame(session.run(samples.get(i)), together.get(i));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {MiniLm.FLOAT, MiniLm.QUANTIZED})
  void resultsDoNotDependOnThreads(String name) {
    Model model = Model.load(folder.resolve(name));
    for (int[] lengths : new int[][] {{23}, {128}, {9, 31, 16}}) {
      Map<String, Tensor> inputs = MiniLm.inputs(lengths);
      Map<String, Tensor> expected = null;
      for (int threads : new int[] {1, 2, 5}) {
        try (Session session = Session.open(model, SessionOptions.threads(threads))) {
          Map<String, Tensor> actual = session.run(inputs);
          if (expected != null) {
            SessionTest.assertSame(expected, actual);
          }
          expected = actual;
        }
      }
    }
  }

  @Test
  void knownShapesAndSingleNodesGiveTheSame() {
    Model model = Rewrites.apply(Model.load(floatFile));
    List<String> outputs = List.of(model.graph().outputs().get(0).name());
    Map<String, Tensor> inputs = MiniLm.inputs(5, 11);
    Tensor[] given = inputs.values().toArray(new Tensor[0]);
    try (PackedWeights weights = new PackedWeights()) {
      Lowering.Request request = new Lowering.Request(model, weights);
      try (SequenceRunner rows = SequenceRunner.of(request, outputs);
          ShapedRunner shaped = new ShapedRunner(request)) {
        float[] expected = rows.run(given, rows.batch(given), outputs, 0)[0].toFloats();
        assertArrayEquals(expected, shaped.run(given, outputs, 0)[0].toFloats(), 1e-5f);
        assertArrayEquals(
            expected, EagerRunner.run(request, given, outputs, 0)[0].toFloats(), 1e-5f);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"scalar", "avx2"})
  void otherInstructionSetsAgree(String isa) throws Exception {
    Path file = folder.resolve(isa + ".bin");
    ProcessBuilder builder =
        new ProcessBuilder(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "--enable-native-access=ALL-UNNAMED",
            "--add-exports=java.base/sun.nio.ch=ALL-UNNAMED",
            "--add-exports=java.base/jdk.internal.ref=ALL-UNNAMED",
            "-cp",
            System.getProperty("java.class.path"),
            OtherIsa.class.getName(),
            floatFile.toString(),
            file.toString());
    String cache = System.getProperty("org.bytedeco.javacpp.cachedir");
    if (cache != null) {
      builder.command().add(1, "-Dorg.bytedeco.javacpp.cachedir=" + cache);
    }
    builder.environment().put("DEMITASSE_ISA", isa);
    builder.redirectErrorStream(true);
    Process process = builder.start();
    String messages = new String(process.getInputStream().readAllBytes());
    assertEquals(0, process.waitFor(), messages);
    assertEquals(isa, messages.strip());
    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
    float[] other = new float[bytes.remaining() / 4];
    bytes.asFloatBuffer().get(other);
    try (Session session = Session.open(floatFile)) {
      assertArrayEquals(OtherIsa.run(session), other, 1e-4f);
    }
  }

  /** Runs in a process of its own: the instruction set is chosen once. */
  static final class OtherIsa {
    static float[] run(Session session) {
      return session.run(MiniLm.inputs(7, 19)).values().iterator().next().toFloats();
    }

    public static void main(String[] arguments) throws Exception {
      try (Session session = Session.open(Path.of(arguments[0]))) {
        float[] result = run(session);
        ByteBuffer bytes = ByteBuffer.allocate(4 * result.length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.asFloatBuffer().put(result);
        Files.write(Path.of(arguments[1]), bytes.array());
      }
      System.out.println(Demitasse.dmt_isa());
    }
  }

  @Test
  void openingAndClosingDoesNotGrow() throws Exception {
    Model model = Model.load(quantizedFile);
    long before = 0;
    long objects = 0;
    for (int i = 0; i < 40; i++) {
      if (i == 10) {
        before = residentBytes();
        objects = Demitasse.dmt_live_objects();
      }
      try (Session session = Session.open(model)) {
        session.run(MiniLm.inputs(8)).values().forEach(Tensor::close);
      }
    }
    assertEquals(objects, Demitasse.dmt_live_objects());
    long growth = residentBytes() - before;
    assertTrue(growth < 100 << 20, "30 sessions of 11 MB each left " + growth + " bytes");
  }

  private static long residentBytes() throws Exception {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("VmRSS:")) {
        return 1024 * Long.parseLong(line.replaceAll("\\D", ""));
      }
    }
    throw new IllegalStateException("no VmRSS");
  }

  static double cosine(float[] a, float[] b) {
    assertEquals(a.length, b.length);
    double product = 0;
    double squaresA = 0;
    double squaresB = 0;
    for (int i = 0; i < a.length; i++) {
      product += (double) a[i] * b[i];
      squaresA += (double) a[i] * a[i];
      squaresB += (double) b[i] * b[i];
    }
    return product / Math.sqrt(squaresA * squaresB);
  }
}
