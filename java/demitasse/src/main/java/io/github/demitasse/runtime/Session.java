package io.github.demitasse.runtime;

import io.github.demitasse.Model;
import io.github.demitasse.graph.ValueInfo;
import io.github.demitasse.natives.NativeLibrary;
import io.github.demitasse.operator.GraphInference;
import io.github.demitasse.runtime.SequenceProgram.Batch;
import io.github.demitasse.tensor.LeakDetector;
import io.github.demitasse.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;

/**
 * Thread-safe: a model made ready to run; any number of threads may run it at once.
 *
 * <p>The graph is lowered to native programs, which share the packed weights. A graph that works
 * token by token and sequence by sequence, such as a transformer encoder, has one program for all
 * shapes; others have one for each set of input shapes, of which the latest are kept.
 *
 * <p>Closing lets active runs end and then frees the native memory; a run that begins after that is
 * an {@link IllegalStateException}. Closing twice is harmless.
 */
public final class Session implements AutoCloseable {
  private final SessionInputs inputs;
  private final List<ValueInfo> outputs;
  private final List<String> outputNames;
  private final PreparedModel prepared;
  private final PackedWeights weights;
  private final SequenceRunner sequences;
  private final ShapedRunner shaped;
  private final UseCount uses = new UseCount("the session");
  private final int threads;
  private final LeakDetector.Watch watch; // null unless leaks are looked for

  private Session(Model model, SessionOptions options) {
    NativePreload.start();
    prepared = new PreparedModel(model);
    inputs = new SessionInputs(model.graph().inputs());
    outputs = model.graph().outputs();
    List<String> names = new ArrayList<>();
    for (ValueInfo output : outputs) {
      names.add(output.name());
    }
    outputNames = List.copyOf(names);
    weights = new PackedWeights();
    weights.packAhead(prepared.model());
    Lowering.Request request = new Lowering.Request(prepared.model(), weights);
    try {
      sequences = SequenceRunner.of(request, outputNames);
      if (sequences == null) {
        GraphInference.of(prepared.model()).requireSupported();
      }
    } catch (RuntimeException | Error failure) {
      weights.close();
      prepared.close();
      throw failure;
    }
    weights.releaseSources();
    shaped = new ShapedRunner(request);
    threads = options.threads();
    LeakDetector detector = LeakDetector.configured();
    watch = detector == null ? null : detector.watch(this, "a session of " + inputs.infos());
  }

  /**
   * Makes a model ready to run with {@link SessionOptions#DEFAULT}.
   *
   * @throws io.github.demitasse.UnsupportedOperatorException naming all operators that are missing
   */
  public static Session open(Model model) {
    return open(model, SessionOptions.DEFAULT);
  }

  /**
   * Makes a model ready to run. The model's weights stay in use until the session is closed.
   *
   * @throws io.github.demitasse.UnsupportedOperatorException naming all operators that are missing
   * @throws IllegalArgumentException if a node's inputs do not fit it
   */
  public static Session open(Model model, SessionOptions options) {
    return new Session(model, options);
  }

  /**
   * Loads a model and makes it ready to run.
   *
   * @see Model#load
   */
  public static Session open(Path file) {
    return open(file, SessionOptions.DEFAULT);
  }

  /**
   * Loads a model and makes it ready to run.
   *
   * @see Model#load
   */
  public static Session open(Path file, SessionOptions options) {
    NativePreload.start();
    return open(Model.load(file), options);
  }

  /** What {@link #run} takes. */
  public List<ValueInfo> inputs() {
    return inputs.infos();
  }

  /** What {@link #run} returns. */
  public List<ValueInfo> outputs() {
    return outputs;
  }

  /**
   * Computes all outputs.
   *
   * @param inputs a tensor for each of {@link #inputs()} by name; none may be closed or changed
   *     meanwhile
   * @return a tensor for each of {@link #outputs()}, in that order; the caller closes them
   * @throws IllegalArgumentException if an input is missing, not known, or of a wrong type or
   *     shape; sizes that share a symbol must agree
   * @throws IllegalStateException after close
   */
  public Map<String, Tensor> run(Map<String, Tensor> inputs) {
    return run(inputs, outputNames);
  }

  /**
   * Computes some outputs, and no more than they need.
   *
   * @param outputNames names of {@link #outputs()}
   * @return a tensor for each name, in that order
   * @see #run(Map)
   */
  public Map<String, Tensor> run(Map<String, Tensor> inputs, Collection<String> outputNames) {
    List<String> names = checkOutputs(outputNames);
    uses.enter();
    try {
      Tensor[] given = this.inputs.check(inputs);
      return named(names, names.isEmpty() ? new Tensor[0] : run(given, names, threads));
    } finally {
      exit();
    }
  }

  /**
   * Computes all outputs of many samples, of different shapes if need be, in one go. Sequences of
   * different lengths run together without padding. The results are the same, bit for bit, as those
   * of {@link #run} for each sample alone.
   *
   * @param samples for each what {@link #run} takes, commonly a batch of one
   * @return the outputs of each sample, in order; the tensors of one output may share memory, which
   *     is freed when none of them is reachable
   * @throws IllegalArgumentException as {@link #run} does, naming the sample
   * @throws IllegalStateException after close
   */
  public List<Map<String, Tensor>> runAll(List<Map<String, Tensor>> samples) {
    uses.enter();
    try {
      List<Tensor[]> given = new ArrayList<>(samples.size());
      for (int i = 0; i < samples.size(); i++) {
        try {
          given.add(inputs.check(samples.get(i)));
        } catch (IllegalArgumentException unfit) {
          throw ofSample(i, unfit);
        }
      }
      List<Map<String, Tensor>> results = new ArrayList<>(samples.size());
      for (Tensor[] result : runAllChecked(given)) {
        results.add(named(outputNames, result));
      }
      return results;
    } finally {
      exit();
    }
  }

  private List<Tensor[]> runAllChecked(List<Tensor[]> samples) {
    if (samples.size() > 1 && sequences != null && sequences.canJoin(outputNames)) {
      List<Batch> batches = new ArrayList<>(samples.size());
      for (Tensor[] sample : samples) {
        batches.add(sequences.batch(sample));
      }
      if (!batches.contains(null)) {
        return sequences.runAll(samples, batches, outputNames, threads);
      }
    }
    // Samples on cores of their own beat one sample split over them.
    int workers = threads == 0 ? NativeLibrary.availableThreads() : threads;
    int perSample = samples.size() < workers ? threads : 1;
    Tensor[][] results = new Tensor[samples.size()][];
    Parallel.forEach(
        results.length,
        workers,
        i -> {
          try {
            results[i] = run(samples.get(i), outputNames, perSample);
          } catch (IllegalArgumentException unfit) {
            throw ofSample(i, unfit);
          }
        });
    return Arrays.asList(results);
  }

  private static IllegalArgumentException ofSample(int i, IllegalArgumentException unfit) {
    return new IllegalArgumentException("sample " + i + ": " + unfit.getMessage(), unfit);
  }

  private Tensor[] run(Tensor[] given, List<String> names, int threads) {
    Batch batch = sequences == null ? null : sequences.batch(given);
    return batch == null
        ? shaped.run(given, names, threads)
        : sequences.run(given, batch, names, threads);
  }

  private List<String> checkOutputs(Collection<String> names) {
    if (names == outputNames) {
      return outputNames;
    }
    List<String> wanted = List.copyOf(new LinkedHashSet<>(names));
    for (String name : wanted) {
      if (!outputNames.contains(name)) {
        throw new IllegalArgumentException(
            "there is no output '" + name + "': the outputs are " + outputNames);
      }
    }
    return wanted.equals(outputNames) ? outputNames : wanted;
  }

  private static Map<String, Tensor> named(List<String> names, Tensor[] tensors) {
    Map<String, Tensor> result = new LinkedHashMap<>(2 * names.size());
    for (int i = 0; i < tensors.length; i++) {
      result.put(names.get(i), tensors[i]);
    }
    return result;
  }

  @Override
  public void close() {
    if (watch != null) {
      watch.end();
    }
    if (uses.close()) {
      free();
    }
  }

  private void exit() {
    if (uses.exit()) {
      free();
    }
  }

  private void free() {
    if (sequences != null) {
      sequences.close();
    }
    shaped.close();
    weights.close();
    prepared.close();
  }

  @Override
  public String toString() {
    return "Session" + Arrays.asList(inputs.infos(), outputs);
  }
}
