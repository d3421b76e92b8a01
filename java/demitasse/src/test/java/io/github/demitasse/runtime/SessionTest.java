package io.github.demitasse.runtime;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.demitasse.Model;
import io.github.demitasse.UnsupportedOperatorException;
import io.github.demitasse.natives.Demitasse;
import io.github.demitasse.natives.NativeLibrary;
import io.github.demitasse.tensor.DataType;
import io.github.demitasse.tensor.Tensor;
import java.util.ArrayList;
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
  void manyThreadsShareOneSession() throws Exception {
    try (Session session = Session.open(Encoders.encoder("dynamic_row"))) {
      Map<Integer, Map<String, Tensor>> expected = new java.util.HashMap<>();
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
