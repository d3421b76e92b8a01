package io.github.demitasse.cli;

import io.github.demitasse.Model;
import io.github.demitasse.cli.data.ArrayFile;
import io.github.demitasse.compress.ProgressListener;
import io.github.demitasse.evaluate.Dataset;
import io.github.demitasse.runtime.Session;
import io.github.demitasse.runtime.SessionOptions;
import io.github.demitasse.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/** Confined to one thread: figures of a model on arrays or images. */
final class SampleEvaluation {
  private final Path data;
  private final SessionOptions options;
  private final ProgressListener progress;
  private final int batch;

  SampleEvaluation(Path data, SessionOptions options, ProgressListener progress, int batch) {
    this.data = data;
    this.options = options;
    this.progress = progress;
    this.batch = batch;
  }

  /** A model's first output for one sample. */
  private record Result(float[] values, int rowLength) {}

  /**
   * {@code accuracy} where there are labels, {@code cosine_mean} and {@code cosine_min} with an
   * original.
   *
   * @param labels of the samples, in their order, asked for after they have been read; null for
   *     none
   * @param original null for none
   */
  Map<String, Object> of(Model model, Dataset samples, Supplier<long[]> labels, Model original) {
    if (labels == null && original == null) {
      throw new IllegalArgumentException(
          data
              + ": without labels there is nothing to measure: give --against, an array 'labels' in"
              + " the .npz, or for images --labels or a folder for each class");
    }
    List<Result> results = run(model, samples, "run");
    Map<String, Object> figures = new LinkedHashMap<>();
    figures.put("samples", results.size());
    if (labels != null) {
      figures.put("accuracy", accuracy(results, labels.get(), samples));
    }
    if (original != null) {
      List<Result> originals = run(original, samples, "run the original");
      Fidelity fidelity = new Fidelity();
      for (int i = 0; i < results.size(); i++) {
        Result expected = originals.get(i);
        fidelity.add(results.get(i).values(), expected.values(), expected.rowLength());
      }
      fidelity.addTo(figures);
    }
    return figures;
  }

  /**
   * The array 'labels' of a file, or null if it has none.
   *
   * @throws IllegalArgumentException when asked for labels that are not integers
   */
  static Supplier<long[]> labels(Path data, ArrayFile arrays) {
    Tensor labels = arrays.labels();
    if (labels == null) {
      return null;
    }
    return () -> {
      if (!labels.type().isInteger()) {
        throw new IllegalArgumentException(
            data + ": 'labels' is " + labels + "; expected one integer for each sample");
      }
      return labels.toLongs();
    };
  }

  private List<Result> run(Model model, Dataset samples, String task) {
    List<Result> results = new ArrayList<>();
    List<Map<String, Tensor>> some = new ArrayList<>();
    try (Session session = Session.open(model, options)) {
      for (Map<String, Tensor> sample : samples) {
        some.add(sample);
        if (some.size() == batch) {
          run(session, some, samples, results);
          some.clear();
          progress.progress(task, results.size(), samples.size());
        }
      }
      if (!some.isEmpty()) {
        run(session, some, samples, results);
      }
      progress.progress(task, samples.size(), samples.size());
    }
    return results;
  }

  private static void run(
      Session session, List<Map<String, Tensor>> some, Dataset all, List<Result> results) {
    String first = session.outputs().get(0).name();
    List<Map<String, Tensor>> ran;
    try {
      ran = session.runAll(some);
    } catch (IllegalArgumentException unfit) {
      throw named(unfit, session, some, all, results.size());
    }
    for (Map<String, Tensor> outputs : ran) {
      Tensor result = outputs.get(first);
      int rowLength = result.rank() == 0 ? 1 : Math.toIntExact(result.dimension(-1));
      results.add(new Result(result.toFloats(), rowLength));
      outputs.values().forEach(Tensor::close);
    }
  }

  /** A batch's failure as that of the sample that fails alone. */
  private static IllegalArgumentException named(
      IllegalArgumentException batchFailure,
      Session session,
      List<Map<String, Tensor>> some,
      Dataset all,
      int before) {
    for (int i = 0; i < some.size(); i++) {
      try {
        session.run(some.get(i)).values().forEach(Tensor::close);
      } catch (IllegalArgumentException unfit) {
        return new IllegalArgumentException(
            all.nameOf(before + i) + ": " + unfit.getMessage(), unfit);
      }
    }
    return batchFailure;
  }

  private double accuracy(List<Result> results, long[] expected, Dataset samples) {
    if (expected.length != results.size()) {
      throw new IllegalArgumentException(
          data + ": 'labels' are " + expected.length + " for " + results.size() + " samples");
    }
    int right = 0;
    for (int i = 0; i < expected.length; i++) {
      Result result = results.get(i);
      if (result.values().length != result.rowLength()) {
        throw new IllegalArgumentException(
            "accuracy needs one score for each class, and the model's first output has "
                + result.values().length / result.rowLength()
                + " rows for a sample");
      }
      if (expected[i] < 0 || expected[i] >= result.rowLength()) {
        throw new IllegalArgumentException(
            samples.nameOf(i)
                + ": label "
                + expected[i]
                + ", and the model has scores for the classes 0 to "
                + (result.rowLength() - 1));
      }
      right += largest(result.values()) == expected[i] ? 1 : 0;
    }
    return (double) right / expected.length;
  }

  private static int largest(float[] scores) {
    int best = 0;
    for (int i = 1; i < scores.length; i++) {
      best = scores[i] > scores[best] ? i : best;
    }
    return best;
  }
}
