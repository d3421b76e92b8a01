package io.github.demitasse.benchmarks.training;

import io.github.demitasse.benchmarks.training.Matrices.Matrix;
import java.util.Random;

/**
 * Immutable and thread-safe: long short-term memory over the steps of a sequence, which gives its
 * last hidden state. Parameters: weights as [features + hidden][4 hidden], then a bias for each of
 * the 4 hidden; gates in ONNX's order: input, output, forget, cell.
 *
 * @param steps of each sequence
 * @param features of each step
 * @param hidden units
 */
public record Lstm(int steps, int features, int hidden) implements Layer {
  private static final int GATES = 4;

  @Override
  public int inputs() {
    return steps * features;
  }

  @Override
  public int outputs() {
    return hidden;
  }

  private int rows() {
    return features + hidden;
  }

  private int columns() {
    return GATES * hidden;
  }

  @Override
  public int parameters() {
    return (rows() + 1) * columns();
  }

  /**
   * Glorot and Bengio 2010 for the weights; a bias of 1 for the forget gate (Jozefowicz et al.
   * 2015).
   */
  @Override
  public void initialize(float[] parameters, Random random) {
    int weights = rows() * columns();
    Layer.fill(parameters, 0, features * columns(), Math.sqrt(6.0 / (features + hidden)), random);
    Layer.fill(parameters, features * columns(), weights, Math.sqrt(3.0 / hidden), random);
    for (int i = 2 * hidden; i < 3 * hidden; i++) {
      parameters[weights + i] = 1;
    }
  }

  @Override
  public Pass forward(float[] parameters, float[] values, int batch) {
    Unrolled unrolled = new Unrolled(parameters, batch);
    for (int step = 0; step < steps; step++) {
      unrolled.forward(step, values);
    }
    return unrolled;
  }

  private static float sigmoid(float x) {
    return (float) (1 / (1 + Math.exp(-x)));
  }

  /** Several times as fast as Math.tanh, and within a rounding of a float of it. */
  private static float tanh(float x) {
    return (float) (2 / (1 + Math.exp(-2.0 * x)) - 1);
  }

  /** All steps, with what going back through them needs. */
  private final class Unrolled implements Pass {
    private final Matrix weights;
    private final float[] parameters;
    private final int batch;

    /** Of each step, [batch][features + hidden]: its input and the hidden state before it. */
    private final float[][] taken = new float[steps][];

    /** Of each step, [batch][4 hidden]. */
    private final float[][] gates = new float[steps][];

    /** Before the first step and after each, [batch][hidden]. */
    private final float[][] cells = new float[steps + 1][];

    private float[] state;

    Unrolled(float[] parameters, int batch) {
      this.parameters = parameters;
      this.batch = batch;
      weights = new Matrix(parameters, rows(), columns());
      state = new float[batch * hidden];
      cells[0] = new float[batch * hidden];
    }

    void forward(int step, float[] values) {
      taken[step] = new float[batch * rows()];
      for (int i = 0; i < batch; i++) {
        int to = i * rows();
        System.arraycopy(values, (i * steps + step) * features, taken[step], to, features);
        System.arraycopy(state, i * hidden, taken[step], to + features, hidden);
      }
      gates[step] = new float[batch * columns()];
      Matrix z = new Matrix(gates[step], batch, columns());
      Matrices.fillRows(parameters, rows() * columns(), z);
      Matrices.addProduct(new Matrix(taken[step], batch, rows()), weights, z);
      cells[step + 1] = new float[batch * hidden];
      state = new float[batch * hidden];
      for (int i = 0; i < batch; i++) {
        open(step, i);
      }
    }

    /** Applies the gates of one example. */
    private void open(int step, int example) {
      float[] z = gates[step];
      int from = example * columns();
      for (int j = 0; j < 3 * hidden; j++) {
        z[from + j] = sigmoid(z[from + j]);
      }
      for (int j = 3 * hidden; j < GATES * hidden; j++) {
        z[from + j] = tanh(z[from + j]);
      }
      for (int j = 0; j < hidden; j++) {
        int at = example * hidden + j;
        int gate = from + j;
        float cell = z[gate + 2 * hidden] * cells[step][at] + z[gate] * z[gate + 3 * hidden];
        cells[step + 1][at] = cell;
        state[at] = z[gate + hidden] * tanh(cell);
      }
    }

    @Override
    public float[] outputs() {
      return state;
    }

    @Override
    public float[] backward(float[] gradient, float[] ofParameters, boolean wantsInputs) {
      Matrix transposed = weights.transposed();
      float[] ofState = gradient.clone();
      float[] ofCell = new float[batch * hidden];
      float[] ofInputs = wantsInputs ? new float[batch * inputs()] : null;
      for (int step = steps - 1; step >= 0; step--) {
        float[] ofGates = new float[batch * columns()];
        for (int i = 0; i < batch; i++) {
          back(step, i, ofState, ofCell, ofGates);
        }
        Matrix dz = new Matrix(ofGates, batch, columns());
        Matrices.addProduct(
            new Matrix(taken[step], batch, rows()).transposed(),
            dz,
            new Matrix(ofParameters, rows(), columns()));
        Matrices.addRows(dz, ofParameters, rows() * columns());
        float[] ofTaken = new float[batch * rows()];
        Matrices.addProduct(dz, transposed, new Matrix(ofTaken, batch, rows()));
        for (int i = 0; i < batch; i++) {
          int from = i * rows();
          System.arraycopy(ofTaken, from + features, ofState, i * hidden, hidden);
          if (wantsInputs) {
            int to = (i * steps + step) * features;
            System.arraycopy(ofTaken, from, ofInputs, to, features);
          }
        }
      }
      return ofInputs;
    }

    /** Back through the gates of one example: to their sums, and to the cell before. */
    private void back(int step, int example, float[] ofState, float[] ofCell, float[] ofGates) {
      float[] z = gates[step];
      for (int j = 0; j < hidden; j++) {
        int at = example * hidden + j;
        int input = example * columns() + j;
        int output = input + hidden;
        int forget = output + hidden;
        int candidate = forget + hidden;
        float squashed = tanh(cells[step + 1][at]);
        float dc = ofCell[at] + ofState[at] * z[output] * (1 - squashed * squashed);
        ofGates[input] = dc * z[candidate] * z[input] * (1 - z[input]);
        ofGates[output] = ofState[at] * squashed * z[output] * (1 - z[output]);
        ofGates[forget] = dc * cells[step][at] * z[forget] * (1 - z[forget]);
        ofGates[candidate] = dc * z[input] * (1 - z[candidate] * z[candidate]);
        ofCell[at] = dc * z[forget];
      }
    }
  }
}
