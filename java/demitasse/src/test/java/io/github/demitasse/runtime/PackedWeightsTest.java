package io.github.demitasse.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import io.github.demitasse.tensor.Tensor;
import io.github.demitasse.weight.DenseWeight;
import io.github.demitasse.weight.Weight;
import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

class PackedWeightsTest {
  private static final int ROUNDS = 200;
  private static final int WEIGHTS = 50;

  @Test
  void oneThreadPacksLinearLayersWhileAnotherPacksConvolutions() {
    Weight linear = new DenseWeight(Tensor.of(new float[16 * 16], 16, 16));
    Weight kernel = new DenseWeight(Tensor.of(new float[16 * 16], 16, 16, 1, 1));
    ExecutorService other = Executors.newSingleThreadExecutor();
    try {
      assertTimeoutPreemptively(
          Duration.ofSeconds(60),
          () -> {
            for (int round = 0; round < ROUNDS; round++) {
              try (PackedWeights weights = new PackedWeights()) {
                Callable<Integer> ahead = () -> packLinear(weights, linear);
                Future<Integer> packed = other.submit(ahead);
                for (int i = 0; i < WEIGHTS; i++) {
                  weights.convolution("convolution " + i, kernel, 1, 1, 0);
                }
                assertEquals(WEIGHTS, packed.get());
              }
            }
          });
    } finally {
      other.shutdownNow();
    }
  }

  private static int packLinear(PackedWeights weights, Weight weight) {
    for (int i = 0; i < WEIGHTS; i++) {
      weights.linear("linear " + i, weight);
    }
    return WEIGHTS;
  }
}
