package io.github.demitasse.cli;

import io.github.demitasse.cli.data.TextEncoder;
import io.github.demitasse.compress.ProgressListener;
import io.github.demitasse.runtime.Session;
import io.github.demitasse.tensor.Tensor;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Confined to one thread: sentence embeddings from a model's first output. */
final class Embeddings {
  /** How token vectors become one vector. */
  enum Pooling {
    MEAN,
    FIRST
  }

  private final Session session;
  private final TextEncoder encoder;
  private final Pooling pooling;
  private final int batch;

  Embeddings(Session session, TextEncoder encoder, Pooling pooling, int batch) {
    this.session = session;
    this.encoder = encoder;
    this.pooling = pooling;
    this.batch = batch;
  }

  /** The embedding of each text. */
  Map<String, float[]> of(List<String> texts, String task, ProgressListener progress) {
    String first = session.outputs().get(0).name();
    Map<String, float[]> embeddings = new HashMap<>();
    for (int from = 0; from < texts.size(); from += batch) {
      List<String> some = texts.subList(from, Math.min(from + batch, texts.size()));
      List<Map<String, Tensor>> outputs = session.runAll(encoder.encode(some));
      for (int i = 0; i < some.size(); i++) {
        embeddings.put(some.get(i), finite(pool(outputs.get(i).get(first)), some.get(i)));
        outputs.get(i).values().forEach(Tensor::close);
      }
      progress.progress(task, from + some.size(), texts.size());
    }
    return embeddings;
  }

  private static float[] finite(float[] embedding, String text) {
    for (float value : embedding) {
      if (!Float.isFinite(value)) {
        throw new IllegalArgumentException(
            "the model's embedding of '" + text + "' has the element " + value);
      }
    }
    return embedding;
  }

  private float[] pool(Tensor output) {
    float[] values = output.toFloats();
    if (output.rank() != 3) {
      return values; // [1, features]: the model pools by itself
    }
    int tokens = Math.toIntExact(output.dimension(1));
    int features = Math.toIntExact(output.dimension(2));
    float[] pooled = new float[features];
    int counted = pooling == Pooling.FIRST ? 1 : tokens;
    for (int token = 0; token < counted; token++) {
      for (int i = 0; i < features; i++) {
        pooled[i] += values[token * features + i] / counted;
      }
    }
    return pooled;
  }
}
