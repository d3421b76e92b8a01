package io.github.demitasse.benchmarks.minilm;

import io.github.demitasse.benchmarks.harness.Duel;
import io.github.demitasse.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;

/**
 * all-MiniLM-L6-v2 in Demitasse against ONNX Runtime, both in this process, in turns.
 *
 * <p>Arguments: our INT8 model; a file of sentences, one a line, or two with a tab between them as
 * in STS-B. Prints a table.
 */
public final class AgainstOnnxRuntime {
  private static final int[][] SHAPES = {{32, 128}, {1, 128}, {1, 16}};
  private static final int MOST_SENTENCES = 1000;
  private static final int BATCH = 32;
  private static final long TURN_MILLISECONDS = 700;

  private AgainstOnnxRuntime() {}

  public static void main(String[] arguments) throws Exception {
    Path int8 = Path.of(arguments[0]);
    System.out.println("| what | threads | ours ms | ONNX Runtime ms | ratio | minima |");
    System.out.println("|---|---|---|---|---|---|");
    for (int threads : new int[] {1, 2}) {
      for (int[] shape : SHAPES) {
        TokenBatch batch = TokenBatch.full(shape[0], shape[1]);
        String size = shape[0] + " x " + shape[1];
        padded("INT8 against -q, " + size, threads, int8, MiniLm.quantizedByOthers(), batch);
        padded("FP32 against FP32, " + size, threads, MiniLm.fp32(), MiniLm.fp32(), batch);
      }
      if (arguments.length > 1) {
        sentences(threads, int8, Path.of(arguments[1]));
      }
    }
  }

  private static void padded(String what, int threads, Path ours, Path theirs, TokenBatch batch)
      throws Exception {
    try (DemitasseModel demitasse = new DemitasseModel(ours, threads);
        OnnxRuntimeModel onnxRuntime = new OnnxRuntimeModel(theirs, threads);
        OnnxRuntimeModel.Inputs theirInputs = onnxRuntime.prepare(batch)) {
      Map<String, Tensor> ourInputs = DemitasseModel.prepare(batch);
      print(
          what,
          threads,
          Duel.fight(
              () -> demitasse.run(ourInputs),
              () -> onnxRuntime.run(theirInputs),
              TURN_MILLISECONDS));
    }
  }

  private static void sentences(int threads, Path int8, Path file) throws Exception {
    List<long[]> tokens = MiniLm.tokenize(firstSentences(file));
    List<TokenBatch> padded = new ArrayList<>();
    List<List<Map<String, Tensor>>> ragged = new ArrayList<>();
    for (int from = 0; from < tokens.size(); from += BATCH) {
      List<long[]> batch = tokens.subList(from, Math.min(from + BATCH, tokens.size()));
      padded.add(TokenBatch.padded(batch));
      ragged.add(
          batch.stream()
              .map(sentence -> DemitasseModel.prepare(TokenBatch.padded(List.of(sentence))))
              .toList());
    }
    try (DemitasseModel demitasse = new DemitasseModel(int8, threads);
        OnnxRuntimeModel onnxRuntime = new OnnxRuntimeModel(MiniLm.quantizedByOthers(), threads)) {
      print(
          tokens.size() + " sentences in batches of " + BATCH + ", ragged against padded",
          threads,
          Duel.fight(
              () -> ragged.forEach(demitasse::runAll),
              () -> {
                for (TokenBatch batch : padded) {
                  onnxRuntime.run(batch);
                }
              },
              2 * TURN_MILLISECONDS));
    }
  }

  /** What follows a second tab, such as STS-B's score, is no sentence. */
  private static List<String> firstSentences(Path file) throws IOException {
    try (Stream<String> lines = Files.lines(file)) {
      return lines
          .flatMap(line -> Arrays.stream(line.split("\t")).limit(2))
          .filter(sentence -> !sentence.isBlank())
          .limit(MOST_SENTENCES)
          .toList();
    }
  }

  private static void print(String what, int threads, Duel.Outcome outcome) {
    System.out.printf(
        Locale.ROOT,
        "| %s | %d | %.2f | %.2f | %.2fx | %.2f / %.2f |%n",
        what,
        threads,
        outcome.ours(),
        outcome.theirs(),
        outcome.ratio(),
        outcome.oursMinimum(),
        outcome.theirsMinimum());
  }
}
