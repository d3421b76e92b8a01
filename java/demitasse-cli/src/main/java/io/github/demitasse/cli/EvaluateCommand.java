package io.github.demitasse.cli;

import io.github.demitasse.Model;
import io.github.demitasse.cli.data.DataOptions;
import io.github.demitasse.cli.data.TextEncoder;
import io.github.demitasse.cli.data.TextFile;
import io.github.demitasse.evaluate.Cosine;
import io.github.demitasse.runtime.Session;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.apache.commons.math3.stat.correlation.SpearmansCorrelation;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code demitasse evaluate}. */
@Command(
    name = "evaluate",
    mixinStandardHelpOptions = true,
    description = {
      "Measures a model on real data.",
      "DATA is one of:",
      "  sentence pairs   sentence TAB sentence TAB score: Spearman's correlation x 100 of the cosine",
      "                   similarity of embeddings with the score",
      "  sentences        one a line: only for --against",
      "With --against: mean and lowest cosine similarity of the outputs to the other model's."
    },
    footer = {
      "",
      "Example:",
      "  demitasse evaluate model.dmt --data pairs.tsv --tokenizer tokenizer.json --against model.onnx"
    })
final class EvaluateCommand implements Callable<Integer> {
  @Mixin private Output output;
  @Mixin private Threads threads;
  @Mixin private DataOptions data;

  @Parameters(paramLabel = "MODEL", description = "The model: .onnx or .dmt.")
  private Path model;

  @Option(
      names = "--data",
      required = true,
      paramLabel = "DATA",
      description = "What to measure on.")
  private Path file;

  @Option(
      names = "--against",
      paramLabel = "ORIGINAL",
      description = "The model to be faithful to, usually the one before compression.")
  private Path original;

  @Option(
      names = "--pooling",
      paramLabel = "KIND",
      defaultValue = "MEAN",
      description = "How token vectors become an embedding: mean or first (default: mean).")
  private Embeddings.Pooling pooling;

  @Option(
      names = "--batch",
      paramLabel = "N",
      defaultValue = "32",
      description = "Texts that run together, without padding (default: ${DEFAULT-VALUE}).")
  private int batch;

  @Override
  public Integer call() throws Exception {
    Map<String, Object> result = new LinkedHashMap<>();
    evaluateText(result);
    output.json(result);
    result.forEach(
        (key, value) ->
            output.line(value instanceof Double ? "%-12s %.5f" : "%-12s %s", key, value));
    return 0;
  }

  private void evaluateText(Map<String, Object> result) throws Exception {
    List<TextFile.Line> lines = TextFile.read(file);
    boolean pairs = lines.get(0).score() != null;
    if (!pairs && original == null) {
      throw new IllegalArgumentException(
          file + ": lines without scores can only be compared with another model: --against");
    }
    LinkedHashSet<String> distinct = new LinkedHashSet<>();
    lines.forEach(line -> distinct.addAll(line.sentences()));
    List<String> texts = new ArrayList<>(distinct);
    Map<String, float[]> embeddings = embed(model, texts, "embed");
    result.put("samples", lines.size());
    if (pairs) {
      double[] similarities = new double[lines.size()];
      double[] scores = new double[lines.size()];
      for (int i = 0; i < similarities.length; i++) {
        float[] a = embeddings.get(lines.get(i).sentences().get(0));
        float[] b = embeddings.get(lines.get(i).sentences().get(1));
        similarities[i] = Cosine.between(a, 0, b, 0, a.length);
        scores[i] = lines.get(i).score();
      }
      if (similarities.length < 2) {
        throw new IllegalArgumentException(file + ": a correlation needs at least two pairs");
      }
      result.put("spearman", 100 * new SpearmansCorrelation().correlation(similarities, scores));
    }
    if (original != null) {
      Map<String, float[]> expected = embed(original, texts, "embed with the original");
      Cosine cosine = new Cosine();
      texts.forEach(
          text -> cosine.add(embeddings.get(text), expected.get(text), expected.get(text).length));
      result.put("cosine_mean", cosine.mean());
      result.put("cosine_min", cosine.smallest());
    }
  }

  private Map<String, float[]> embed(Path file, List<String> texts, String task) {
    Model loaded = Model.load(file);
    try (Session session = Session.open(loaded, threads.options());
        TextEncoder encoder = data.encoder(loaded);
        Output.Progress progress = output.progress()) {
      return new Embeddings(session, encoder, pooling, batch).of(texts, task, progress);
    }
  }
}
