package io.github.demitasse.benchmarks.minilm;

import io.github.demitasse.runtime.Session;
import io.github.demitasse.runtime.SessionOptions;
import io.github.demitasse.tensor.Tensor;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Confined to one thread: a text encoder in Demitasse. */
public final class DemitasseModel implements AutoCloseable {
  private final Session session;
  private final String output;

  public DemitasseModel(Path model, int threads) {
    session = Session.open(model, SessionOptions.threads(threads));
    output = session.outputs().get(0).name();
  }

  public static Map<String, Tensor> prepare(TokenBatch batch) {
    return Map.of(
        "input_ids", Tensor.of(batch.ids(), batch.sequences(), batch.length()),
        "attention_mask", Tensor.of(batch.mask(), batch.sequences(), batch.length()),
        "token_type_ids",
            Tensor.of(new long[batch.ids().length], batch.sequences(), batch.length()));
  }

  /** The last hidden states of a padded batch. */
  public float[] run(Map<String, Tensor> inputs) {
    try (Tensor hidden = session.run(inputs, Set.of(output)).get(output)) {
      return hidden.toFloats();
    }
  }

  /** The last hidden states of each sample, computed without padding. */
  public List<float[]> runAll(List<Map<String, Tensor>> samples) {
    return session.runAll(samples).stream().map(outputs -> outputs.get(output).toFloats()).toList();
  }

  @Override
  public void close() {
    session.close();
  }
}
