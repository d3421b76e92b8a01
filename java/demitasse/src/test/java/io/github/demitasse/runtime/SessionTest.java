package io.github.demitasse.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.demitasse.Model;
import io.github.demitasse.UnsupportedOperatorException;
import io.github.demitasse.graph.Dimension;
import io.github.demitasse.graph.Graph;
import io.github.demitasse.graph.Node;
import io.github.demitasse.graph.Shape;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.graph.rewrite.Rewrites;
import io.github.demitasse.natives.Demitasse;
import io.github.demitasse.natives.NativeLibrary;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SessionTest {

  @ParameterizedTest
  @ValueSource(strings = {"", "dynamic_row", "dynamic_tensor", "static"})
  void samplesRunTogetherGiveWhatEachGivesAlone(String mode) {
    try (Session session = Session.open(Encoders.encoder(mode))) {
      List<Map<String, Tensor>> samples = new ArrayList<>();
      for (int length : new int[] {5, 1, 17, 9, 17, 30, 2}) {
        samples.add(Encoders.inputs(1, length));
      }
      samples.add(Encoders.inputs(3, 4));
      samples.add(Encoders.inputs(0, 4));
      samples.add(Encoders.inputs(1, 8));
      List<Map<String, Tensor>> together = session.runAll(samples);
      assertEquals(samples.size(), together.size());
      for (int i = 0; i < samples.size(); i++) {
        assertSame(session.run(samples.get(i)), together.get(i));
      }
    }
  }

  @Test
  void noSamplesGiveNoResults() {
    try (Session session = Session.open(Encoders.encoder())) {
      assertEquals(List.of(), session.runAll(List.of()));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "dynamic_row", "dynamic_tensor"})
  void resultsDoNotDependOnThreads(String mode) {
    Model model = Encoders.encoder(mode);
    for (int[] shape : new int[][] {{1, 40}, {2, 7}, {9, 13}}) {
      Map<String, Tensor> expected = null;
      for (int threads : new int[] {1, 2, 5}) {
        try (Session session = Session.open(model, SessionOptions.threads(threads))) {
          Map<String, Tensor> actual = session.run(Encoders.inputs(shape[0], shape[1]));
          if (expected != null) {
            assertSame(expected, actual);
          }
          expected = actual;
        }
      }
    }
  }

  @Test
  void onlyWantedOutputsAreReturnedInTheirOrder() {
    try (Session session = Session.open(Encoders.encoder())) {
      Map<String, Tensor> inputs = Encoders.inputs(2, 6);
      Map<String, Tensor> all = session.run(inputs);
      assertEquals(List.of("hidden", "pooled"), List.copyOf(all.keySet()));
      Map<String, Tensor> one = session.run(inputs, List.of("pooled"));
      assertEquals(List.of("pooled"), List.copyOf(one.keySet()));
      assertArrayEquals(all.get("pooled").toBytes(), one.get("pooled").toBytes());
      Map<String, Tensor> swapped = session.run(inputs, List.of("pooled", "hidden"));
      assertEquals(List.of("pooled", "hidden"), List.copyOf(swapped.keySet()));
      assertArrayEquals(all.get("hidden").toBytes(), swapped.get("hidden").toBytes());
      assertEquals(Map.of(), session.run(inputs, List.of()));
      assertMessage(
          () -> session.run(inputs, List.of("logits")),
          "there is no output 'logits': the outputs are [hidden, pooled]");
    }
  }

  @Test
  void emptyBatchesAndSequencesGiveEmptyResults() {
    try (Session session = Session.open(Encoders.encoder())) {
      assertArrayEquals(
          new long[] {0, 7, Encoders.WIDTH},
          session.run(Encoders.inputs(0, 7)).get("hidden").shape());
      assertArrayEquals(
          new long[] {3, 0, Encoders.WIDTH},
          session.run(Encoders.inputs(3, 0), List.of("hidden")).get("hidden").shape());
      assertMessage(
          () -> session.run(Encoders.inputs(3, 0)),
          "output 'pooled' of sequences without tokens is not defined");
    }
  }

  @Test
  void unfitInputsAreRefusedByName() {
    try (Session session = Session.open(Encoders.encoder())) {
      Map<String, Tensor> good = Encoders.inputs(2, 6);
      Tensor ids = good.get("ids");
      Tensor mask = good.get("mask");
      assertMessage(
          () -> session.run(Map.of("ids", ids)),
          "input 'mask' is missing: expected mask: FLOAT32[batch, 1, 1, sequence], given [ids]");
      assertMessage(
          () -> session.run(Map.of("ids", ids, "mask", mask, "type", ids)),
          "there is no input 'type': the inputs are");
      assertMessage(
          () -> session.run(Map.of("ids", mask, "mask", mask)),
          "input 'ids': expected INT64[batch, sequence], given FLOAT32[2, 1, 1, 6]");
      assertMessage(
          () -> session.run(Map.of("ids", ids.reshaped(12), "mask", mask)),
          "input 'ids': expected INT64[batch, sequence], given INT64[12]");
      assertMessage(
          () -> session.run(Map.of("ids", ids, "mask", mask.reshaped(2, 1, 6, 1))),
          "input 'mask': expected FLOAT32[batch, 1, 1, sequence], given FLOAT32[2, 1, 6, 1]");
      assertMessage(
          () -> session.run(Map.of("ids", ids, "mask", mask.reshaped(1, 1, 1, 12))),
          "input 'mask': expected FLOAT32[batch, 1, 1, sequence], given FLOAT32[1, 1, 1, 12]: "
              + "dimension 0 is 1 here but 2 in input 'ids'");
      assertMessage(
          () -> session.runAll(List.of(good, Map.of("ids", ids))), "sample 1: input 'mask'");
      Tensor outside = Tensor.of(new long[] {1, Encoders.WORDS}, 1, 2);
      assertMessage(
          () -> session.run(Map.of("ids", outside, "mask", Tensor.of(new float[2], 1, 1, 1, 2))),
          "50");
      Tensor closed = Tensor.of(new long[12], 2, 6);
      closed.close();
      assertThrows(
          IllegalStateException.class, () -> session.run(Map.of("ids", closed, "mask", mask)));
      session.run(good);
    }
  }

  @Test
  void aSymbolThatOneInputHasTwiceIsNotTakenLiterally() {
    SessionInputs inputs =
        new SessionInputs(
            new ModelBuilder()
                .input("ids", DataType.INT64, "batch", "batch")
                .input("types", DataType.INT64, "batch", "batch")
                .build()
                .graph()
                .inputs());
    Tensor wide = Tensor.of(new long[6], 2, 3);
    inputs.check(Map.of("ids", wide, "types", wide));
    assertMessage(
        () -> inputs.check(Map.of("ids", wide, "types", wide.reshaped(3, 2))),
        "input 'types': expected INT64[batch, batch], given INT64[3, 2]: dimension 0 is 3 here but"
            + " 2 in input 'ids'");
  }

  /** [rows, 3] to [rows, 2]; the size of a batch is a symbol, or 1. */
  private static Model perceptron(Object rows) {
    ModelBuilder b =
        new ModelBuilder()
            .input("x", DataType.FLOAT32, rows, 3)
            .output("y", DataType.FLOAT32, rows, 2)
            .weight("w1", Tensor.of(new float[] {1, -1, 2, 0, 3, 1}, 3, 2))
            .weight("b1", Tensor.of(new float[] {0.5f, -4}, 2))
            .weight("w2", Tensor.of(new float[] {1, 2, 3, 4}, 2, 2))
            .node("MatMul", List.of("x", "w1"), "h1")
            .node("Add", List.of("h1", "b1"), "h2")
            .node("Relu", List.of("h2"), "h3")
            .node("MatMul", List.of("h3", "w2"), "h4")
            .node("Softmax", List.of("h4"), "y");
    return b.build();
  }

  private static float[] perceptron(float[] x) {
    float a = Math.max(0, x[0] + 2 * x[1] + 3 * x[2] + 0.5f);
    float b = Math.max(0, -x[0] + x[2] - 4);
    double first = Math.exp(a + 3 * b);
    double second = Math.exp(2 * a + 4 * b);
    return new float[] {(float) (first / (first + second)), (float) (second / (first + second))};
  }

  @Test
  void aPerceptronHasOneProgramForAllBatches() {
    for (Object rows : new Object[] {"batch", 1}) {
      Model model = perceptron(rows);
      try (PackedWeights weights = new PackedWeights();
          SequenceRunner runner =
              SequenceRunner.of(
                  new Lowering.Request(Rewrites.apply(model), weights), List.of("y"))) {
        assertNotNull(runner);
      }
      try (Session session = Session.open(model)) {
        List<Map<String, Tensor>> samples = new ArrayList<>();
        for (int i = 0; i < 7; i++) {
          samples.add(Map.of("x", Tensor.of(new float[] {0.1f * i, -0.2f * i, 0.5f}, 1, 3)));
        }
        List<Map<String, Tensor>> results = session.runAll(samples);
        for (int i = 0; i < 7; i++) {
          float[] expected = perceptron(samples.get(i).get("x").toFloats());
          assertArrayEquals(expected, results.get(i).get("y").toFloats(), 1e-6f);
        }
      }
    }
  }

  @Test
  void samplesOfAGraphThatTakesNoBatchesRunSideBySide() {
    ModelBuilder b =
        new ModelBuilder()
            .input("x", DataType.FLOAT32, "n", "m")
            .output("y", DataType.FLOAT32, "m", "n");
    b.node("", "Transpose", List.of("x"), List.of("y"), Map.of());
    try (Session session = Session.open(b.build(), SessionOptions.threads(3))) {
      List<Map<String, Tensor>> samples = new ArrayList<>();
      for (int i = 1; i <= 50; i++) {
        samples.add(Map.of("x", Tensor.of(new float[2 * i], 2, i)));
      }
      List<Map<String, Tensor>> results = session.runAll(samples);
      for (int i = 1; i <= 50; i++) {
        assertArrayEquals(new long[] {i, 2}, results.get(i - 1).get("y").shape());
      }
    }
  }

  @Test
  void wrongStatementsAboutValuesAreFoundOut() {
    Model model = Encoders.encoder("static");
    Map<String, Tensor> inputs = Encoders.inputs(2, 5);
    Map<String, ValueInfo> values = new HashMap<>();
    for (Node node : model.graph().nodes()) {
      for (String output : node.outputs()) {
        Shape shape =
            Shape.of(Dimension.symbol("batch"), Dimension.symbol("sequence"), Dimension.of(7));
        values.put(output, new ValueInfo(output, DataType.FLOAT32, shape));
      }
    }
    Graph graph = model.graph();
    Model wrong =
        model.withGraph(
            new Graph(
                graph.name(),
                graph.opsets(),
                graph.inputs(),
                graph.outputs(),
                graph.nodes(),
                values));
    try (Session expected = Session.open(model);
        Session actual = Session.open(wrong)) {
      assertSame(expected.run(inputs), actual.run(inputs));
    }
  }

  @Test
  void allMissingOperatorsAreNamedAtOnce() {
    Model model =
        new ModelBuilder()
            .input("x", DataType.FLOAT32, "batch", 4)
            .output("z", DataType.FLOAT32, "batch", 4)
            .node("Frobnicate", List.of("x"), "y")
            .node("Grumble", List.of("y"), "z")
            .build();
    UnsupportedOperatorException missing =
        assertThrows(UnsupportedOperatorException.class, () -> Session.open(model));
    assertEquals(2, missing.missing().size(), missing.getMessage());
  }

  @Test
  void failuresOfARunNameTheNode() {
    ModelBuilder b =
        new ModelBuilder()
            .input("x", DataType.INT64, "n")
            .output("z", DataType.FLOAT32, "n")
            .weight("table", Tensor.of(new float[] {1, 2, 3}, 3));
    b.node("Identity", List.of("x"), "y").node("Gather", List.of("table", "y"), "z");
    try (Session session = Session.open(b.build())) {
      assertMessage(
          () -> session.run(Map.of("x", Tensor.of(new long[] {1, 7}, 2))), "node 'Gather1': ");
      assertMessage(() -> session.run(Map.of("x", Tensor.of(new long[] {1, 7}, 2))), "7");
      Map<String, Tensor> fits = Map.of("x", Tensor.of(new long[] {1, 2}, 2));
      Map<String, Tensor> fails = Map.of("x", Tensor.of(new long[] {1, 9}, 2));
      assertMessage(() -> session.runAll(List.of(fits, fits, fails)), "sample 2: node 'Gather1': ");
    }
  }

  @Test
  void whatNoKernelTakesIsAnUnsupportedOperator() {
    ModelBuilder b =
        new ModelBuilder()
            .input("a", DataType.UINT8, 2, 3)
            .input("scale", DataType.FLOAT32, 5)
            .output("y", DataType.UINT8, 2, 2)
            .weight("one", Tensor.of(new float[] {1}, 1))
            .weight("zero", Tensor.ofBytes(DataType.UINT8, new byte[1], 1))
            .weight("b", Tensor.ofBytes(DataType.UINT8, new byte[6], 3, 2));
    b.node("QLinearMatMul", List.of("a", "scale", "zero", "b", "one", "zero", "one", "zero"), "y");
    Map<String, Tensor> inputs =
        Map.of(
            "a", Tensor.ofBytes(DataType.UINT8, new byte[6], 2, 3),
            "scale", Tensor.of(new float[5], 5));
    UnsupportedOperatorException unsupported =
        assertThrows(
            UnsupportedOperatorException.class,
            () -> {
              try (Session session = Session.open(b.build())) {
                session.run(inputs);
              }
            });
    assertEquals("QLinearMatMul0", unsupported.missing().get(0).node());
  }

  @Test
  void manyThreadsShareOneSession() throws Exception {
    try (Session session = Session.open(Encoders.encoder("dynamic_row"))) {
      Map<Integer, Map<String, Tensor>> expected = new HashMap<>();
      for (int length = 1; length <= 16; length++) {
        expected.put(length, session.run(Encoders.inputs(2, length)));
      }
      List<Callable<Void>> callers = new ArrayList<>();
      for (int t = 0; t < 12; t++) {
        int seed = t;
        callers.add(
            () -> {
              for (int i = 0; i < 60; i++) {
                int length = 1 + (i * 7 + seed) % 16;
                assertSame(expected.get(length), session.run(Encoders.inputs(2, length)));
              }
              return null;
            });
      }
      ExecutorService pool = Executors.newFixedThreadPool(callers.size());
      try {
        for (Future<Void> done : pool.invokeAll(callers)) {
          done.get();
        }
      } finally {
        pool.shutdownNow();
      }
    }
  }

  @Test
  void closingLetsActiveRunsEnd() throws Exception {
    NativeLibrary.load();
    long objects = Demitasse.dmt_live_objects();
    for (int round = 0; round < 20; round++) {
      Session session = Session.open(Encoders.encoder());
      Map<String, Tensor> inputs = Encoders.inputs(4, 30);
      Map<String, Tensor> expected = session.run(inputs);
      CountDownLatch running = new CountDownLatch(3);
      AtomicBoolean refused = new AtomicBoolean();
      ExecutorService pool = Executors.newFixedThreadPool(3);
      List<Future<?>> callers = new ArrayList<>();
      for (int t = 0; t < 3; t++) {
        callers.add(
            pool.submit(
                () -> {
                  running.countDown();
                  try {
                    while (true) {
                      assertSame(expected, session.run(inputs));
                    }
                  } catch (IllegalStateException closed) {
                    assertEquals("the session has been closed", closed.getMessage());
                    refused.set(true);
                  }
                }));
      }
      assertTrue(running.await(10, TimeUnit.SECONDS));
      session.close();
      session.close();
      for (Future<?> caller : callers) {
        caller.get(30, TimeUnit.SECONDS);
      }
      pool.shutdown();
      assertTrue(refused.get());
    }
    assertEquals(objects, Demitasse.dmt_live_objects());
  }

  @Test
  void openingAndClosingLeavesNothingBehind() {
    Model model = Encoders.encoder("dynamic_row");
    NativeLibrary.load();
    long objects = Demitasse.dmt_live_objects();
    long bytes = Demitasse.dmt_live_bytes();
    for (int i = 0; i < 2000; i++) {
      try (Session session = Session.open(model)) {
        if (i % 10 == 0) {
          session.run(Encoders.inputs(1, 3)).values().forEach(Tensor::close);
        }
        assertTrue(Demitasse.dmt_live_objects() > objects);
      }
    }
    assertEquals(objects, Demitasse.dmt_live_objects());
    assertEquals(bytes, Demitasse.dmt_live_bytes());
  }

  static void assertSame(Map<String, Tensor> expected, Map<String, Tensor> actual) {
    assertEquals(expected.keySet(), actual.keySet());
    for (String name : expected.keySet()) {
      assertArrayEquals(expected.get(name).shape(), actual.get(name).shape());
      assertArrayEquals(expected.get(name).toBytes(), actual.get(name).toBytes(), name);
    }
  }

  private static void assertMessage(
      org.junit.jupiter.api.function.Executable action, String expected) {
    String message = assertThrows(IllegalArgumentException.class, action).getMessage();
    assertTrue(message.contains(expected), message);
  }
}
