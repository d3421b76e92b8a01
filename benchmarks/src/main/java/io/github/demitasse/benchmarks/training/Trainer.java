package io.github.demitasse.benchmarks.training;

import io.github.demitasse.benchmarks.harness.Examples;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Confined to one thread: trains a network by Adam on mini-batches, with a learning rate that falls
 * to zero along a cosine (Loshchilov and Hutter 2017).
 *
 * <p>A batch is cut into slices of {@value #SLICE} examples, whatever the number of threads; their
 * gradients are added in the order of the slices, so that the result does not depend on threads.
 *
 * @param rate of learning, to begin with
 * @param seed of the order of examples
 */
public record Trainer(int epochs, int batch, double rate, long seed, int threads) {
  private static final int SLICE = 16;

  /** Told after each epoch. */
  @FunctionalInterface
  public interface Listener {
    void epoch(int number, double meanLoss);
  }

  public void train(Network network, Examples examples, Listener listener) {
    ExecutorService pool = Executors.newFixedThreadPool(threads);
    try {
      train(network, examples, listener, pool);
    } catch (ExecutionException failed) {
      throw new IllegalStateException(failed.getCause());
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(interrupted);
    } finally {
      pool.shutdownNow();
    }
  }

  private void train(Network network, Examples examples, Listener listener, ExecutorService pool)
      throws ExecutionException, InterruptedException {
    Random random = new Random(seed);
    Adam adam = new Adam(network);
    int[] order = new int[examples.size()];
    Arrays.setAll(order, i -> i);
    int perEpoch = (order.length + batch - 1) / batch;
    for (int epoch = 0; epoch < epochs; epoch++) {
      shuffle(order, random);
      double loss = 0;
      for (int i = 0; i < perEpoch; i++) {
        int[] chosen =
            Arrays.copyOfRange(order, i * batch, Math.min(order.length, (i + 1) * batch));
        Sum sum = gradient(network, examples, chosen, pool);
        double progress = (epoch + (double) i / perEpoch) / epochs;
        double falling = rate * (1 + Math.cos(Math.PI * progress)) / 2;
        adam.step(sum.gradients, 1f / chosen.length, falling);
        loss += sum.loss;
      }
      listener.epoch(epoch, loss / order.length);
    }
  }

  private static void shuffle(int[] order, Random random) {
    for (int i = order.length - 1; i > 0; i--) {
      int j = random.nextInt(i + 1);
      int swapped = order[i];
      order[i] = order[j];
      order[j] = swapped;
    }
  }

  /** Of some examples. */
  private record Sum(List<float[]> gradients, double loss) {}

  private static Sum gradient(
      Network network, Examples examples, int[] chosen, ExecutorService pool)
      throws ExecutionException, InterruptedException {
    List<Future<Sum>> slices = new ArrayList<>();
    for (int from = 0; from < chosen.length; from += SLICE) {
      int[] slice = Arrays.copyOfRange(chosen, from, Math.min(chosen.length, from + SLICE));
      slices.add(pool.submit(() -> slice(network, examples, slice)));
    }
    Sum first = slices.get(0).get();
    double loss = first.loss;
    for (Future<Sum> slice : slices.subList(1, slices.size())) {
      loss += slice.get().loss;
      for (int i = 0; i < first.gradients.size(); i++) {
        add(slice.get().gradients.get(i), first.gradients.get(i));
      }
    }
    return new Sum(first.gradients, loss);
  }

  private static Sum slice(Network network, Examples examples, int[] chosen) {
    int[] labels = new int[chosen.length];
    float[] inputs = new float[chosen.length * network.inputs()];
    for (int i = 0; i < chosen.length; i++) {
      labels[i] = examples.label(chosen[i]);
      examples.copy(chosen[i], inputs, i * network.inputs());
    }
    List<float[]> gradients = network.zeros();
    double loss = network.addGradient(inputs, labels, gradients);
    return new Sum(gradients, loss);
  }

  private static void add(float[] from, float[] to) {
    for (int i = 0; i < to.length; i++) {
      to[i] += from[i];
    }
  }
}
