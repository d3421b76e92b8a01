package io.github.demitasse.cli;

import io.github.demitasse.Model;
import io.github.demitasse.cli.data.TextFile;
import io.github.demitasse.evaluate.Cosine;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.commons.math3.stat.correlation.SpearmansCorrelation;

/** Confined to one thread: figures of sentence embeddings. */
final class TextEvaluation {
  /** Embeds texts with one model. */
  interface Embedder {
    Map<String, float[]> embed(Model model, List<String> texts, String task);
  }

  private final Path data;
  private final List<TextFile.Line> lines;
  private final Embedder embedder;

  TextEvaluation(Path data, Embedder embedder) throws IOException {
    this.data = data;
    this.lines = TextFile.read(data);
    this.embedder = embedder;
  }

  /** Whether the file has pairs with scores. */
  boolean hasScores() {
    return lines.get(0).score() != null;
  }

  /**
   * {@code spearman} for pairs with scores, {@code cosine_mean} and {@code cosine_min} with an
   * original.
   *
   * @param original null for none
   */
  Map<String, Object> of(Model model, Model original) {
    if (!hasScores() && original == null) {
      throw new IllegalArgumentException(
          data + ": lines without scores can only be compared with another model: --against");
    }
    Set<String> distinct = new LinkedHashSet<>();
    lines.forEach(line -> distinct.addAll(line.sentences()));
    List<String> texts = new ArrayList<>(distinct);
    Map<String, float[]> embeddings = embedder.embed(model, texts, "embed");
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("samples", lines.size());
    if (hasScores()) {
      result.put("spearman", spearman(embeddings));
    }
    if (original != null) {
      Map<String, float[]> originals = embedder.embed(original, texts, "embed with the original");
      Fidelity fidelity = new Fidelity();
      for (String text : texts) {
        fidelity.add(embeddings.get(text), originals.get(text), originals.get(text).length);
      }
      fidelity.addTo(result);
    }
    return result;
  }

  /** 100 x the correlation between the ranks of cosine similarities and of scores. */
  private double spearman(Map<String, float[]> embeddings) {
    double[] similarities = new double[lines.size()];
    double[] scores = new double[lines.size()];
    for (int i = 0; i < similarities.length; i++) {
      float[] a = embeddings.get(lines.get(i).sentences().get(0));
      float[] b = embeddings.get(lines.get(i).sentences().get(1));
      similarities[i] = Cosine.between(a, 0, b, 0, a.length);
      scores[i] = lines.get(i).score();
    }
    double correlation =
        similarities.length < 2
            ? Double.NaN
            : new SpearmansCorrelation().correlation(similarities, scores);
    if (Double.isNaN(correlation)) {
      throw new IllegalArgumentException(
          data + ": a correlation needs at least two pairs, and scores that differ");
    }
    return 100 * correlation;
  }
}
