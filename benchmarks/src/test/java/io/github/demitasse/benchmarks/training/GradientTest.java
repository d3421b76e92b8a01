package io.github.demitasse.benchmarks.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.demitasse.benchmarks.harness.Examples;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What goes back through layers, against central differences of what goes forward. */
class GradientTest {
  private static final int BATCH = 3;
  private static final float STEP = 1f / 128;

  static Stream<Layer> layers() {
    return Stream.of(
        new FullyConnected(7, 5),
        new Convolution(2, 6, 5, 3, 3, 0),
        new Convolution(2, 5, 7, 3, 3, 1),
        new Convolution(1, 4, 4, 2, 5, 2),
        new MaxPooling(2, 4, 6),
        new Rectifier(11),
        new Lstm(4, 3, 5));
  }

  /** Further apart than differences reach, so that none gets to a kink or past another. */
  private static float[] values(int count, Random random) {
    List<Integer> order = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      order.add(2 * i + 1 - count - count % 2);
    }
    Collections.shuffle(order, random);
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = 1.5f * STEP * order.get(i);
    }
    return values;
  }

  private static float[] factors(int count, Random random) {
    float[] factors = new float[count];
    for (int i = 0; i < count; i++) {
      factors[i] = 2 * random.nextFloat() - 1;
    }
    return factors;
  }

  /** A loss whose gradient by the outputs is known: their product with fixed factors. */
  private static double loss(Layer layer, float[] parameters, float[] inputs, float[] factors) {
    float[] outputs = layer.forward(parameters, inputs, BATCH).outputs();
    assertEquals(factors.length, outputs.length);
    double sum = 0;
    for (int i = 0; i < outputs.length; i++) {
      sum += (double) outputs[i] * factors[i];
    }
    return sum;
  }

  @ParameterizedTest
  @MethodSource("layers")
  void gradientsAreThoseOfDifferences(Layer layer) {
    Random random = new Random(5);
    float[] parameters = new float[layer.parameters()];
    layer.initialize(parameters, random);
    for (int i = 0; i < parameters.length; i++) {
      parameters[i] += 0.1f * (float) random.nextGaussian();
    }
    float[] inputs = values(BATCH * layer.inputs(), random);
    float[] factors = factors(BATCH * layer.outputs(), random);

    float[] ofParameters = new float[parameters.length];
    Layer.Pass pass = layer.forward(parameters, inputs, BATCH);
    float[] ofInputs = pass.backward(factors, ofParameters, true);
    assertEquals(inputs.length, ofInputs.length);
    for (float[] each : new float[][] {inputs, parameters}) {
      for (int i = 0; i < each.length; i++) {
        float kept = each[i];
        each[i] = kept + STEP;
        double above = loss(layer, parameters, inputs, factors);
        each[i] = kept - STEP;
        double below = loss(layer, parameters, inputs, factors);
        each[i] = kept;
        float found = each == inputs ? ofInputs[i] : ofParameters[i];
        double expected = (above - below) / (2 * STEP);
        String what = layer + (each == inputs ? ", input " : ", parameter ") + i;
        assertEquals(expected, found, 2e-3 * Math.max(1, Math.abs(expected)), what);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("layers")
  void gradientsOfParametersAreAddedAndThoseOfInputsOptional(Layer layer) {
    float[] parameters = new float[layer.parameters()];
    layer.initialize(parameters, new Random(6));
    float[] inputs = values(BATCH * layer.inputs(), new Random(7));
    float[] factors = factors(BATCH * layer.outputs(), new Random(8));
    float[] once = new float[parameters.length];
    layer.forward(parameters, inputs, BATCH).backward(factors, once, true);
    float[] twice = once.clone();
    float[] ofInputs = layer.forward(parameters, inputs, BATCH).backward(factors, twice, false);
    if (layer.parameters() > 0) {
      assertNull(ofInputs);
    }
    for (int i = 0; i < once.length; i++) {
      assertEquals(2 * once[i], twice[i], 1e-4 * Math.max(1, Math.abs(once[i])));
    }
  }

  @Test
  void crossEntropyAndItsGradient() {
    float[] scores = {1, 2, 3, 1000, 0, -5};
    int[] labels = {0, 0};
    float[] gradient = new float[6];
    double loss = CrossEntropy.of(scores, labels, gradient);
    double sum = Math.exp(1) + Math.exp(2) + Math.exp(3);
    assertEquals(Math.log(sum) - 1, loss, 1e-9);
    assertEquals(Math.exp(1) / sum - 1, gradient[0], 1e-6);
    assertEquals(Math.exp(3) / sum, gradient[2], 1e-6);
    assertEquals(0, gradient[3], 1e-6);
  }

  /** Four classes: which quarter of an image is bright. */
  private static Examples quarters() {
    return new Examples() {
      @Override
      public int size() {
        return 200;
      }

      @Override
      public int length() {
        return 64;
      }

      @Override
      public int label(int example) {
        return example % 4;
      }

      @Override
      public void copy(int example, float[] to, int from) {
        Random random = new Random(example);
        for (int i = 0; i < 64; i++) {
          int quarter = i / 32 * 2 + i % 8 / 4;
          to[from + i] = 0.5f * random.nextFloat() + (quarter == label(example) ? 0.3f : 0);
        }
      }
    };
  }

  private static Network trained(int threads) {
    List<Layer> layers =
        List.of(
            new Convolution(1, 8, 8, 3, 3, 1),
            new Rectifier(3 * 64),
            new MaxPooling(3, 8, 8),
            new FullyConnected(3 * 16, 4));
    Network network = Network.random(layers, 1);
    double[] losses = new double[10];
    new Trainer(losses.length, 20, 1e-2, 2, threads)
        .train(network, quarters(), (epoch, loss) -> losses[epoch] = loss);
    assertTrue(losses[9] < 0.2 * losses[0], losses[0] + " to " + losses[9]);
    return network;
  }

  @Test
  void trainingLearnsAndDoesNotDependOnThreads() {
    Network one = trained(1);
    Network three = trained(3);
    for (int i = 0; i < one.parameters().size(); i++) {
      assertArrayEquals(one.parameters().get(i), three.parameters().get(i), 0f);
    }
  }
}
