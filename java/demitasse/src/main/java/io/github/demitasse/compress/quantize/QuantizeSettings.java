package io.github.demitasse.compress.quantize;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonProperty;
import io.github.demitasse.compress.Selector;
import io.github.demitasse.compress.Step;
import io.github.demitasse.compress.StepSettings;
import io.github.demitasse.compress.quantize.WeightScheme.Sharing;
import java.util.Arrays;

/**
 * Immutable: the settings of the step {@code quantize} in a recipe file.
 *
 * @param weights {@code int8}, {@code int4}, {@code nf4}, {@code codebook4}, {@code binary}, {@code
 *     float16} or {@code bfloat16}
 * @param granularity {@code channel} (the default) or {@code tensor}; not with {@code group}
 * @param group one scale for so many consecutive weights of an output: a multiple of 16 from 16 to
 *     256
 * @param symmetric default true
 * @param method {@code rtn} (the default), {@code mse}, {@code hqq}, {@code gptq} or {@code
 *     adaround}; for {@code nf4} and {@code codebook4} not {@code hqq} and {@code adaround}, which
 *     need codes at even steps
 * @param scales how {@code gptq} and {@code adaround} find scales: {@code min-max}, {@code mse}
 *     (the default) or {@code hqq}
 * @param sequential with {@code gptq} and {@code adaround}: each layer is rounded for what the
 *     quantized layers before it give, default true
 * @param activationOrder with {@code gptq}: inputs of the largest activations first, default true
 * @param damping with {@code gptq}: default 0.01
 * @param iterations with {@code adaround}: default 500
 * @param biasCorrection default false
 * @param activations {@code int8}, {@code binary} (with {@code weights: binary}), or {@code none}
 *     or absent for floating point
 * @param calibrate {@code min-max}, {@code moving-average}, {@code percentile}, {@code entropy} or
 *     {@code mse}: fixed ranges for activations; absent for dynamic ones
 * @param percentile with {@code calibrate: percentile}: the share of values to keep in per cent,
 *     default 99.99
 * @param momentum with {@code calibrate: moving-average}: the weight of the past, default 0.9
 * @param embeddings {@code true} (the default): lookup tables are stored as weights are; {@code
 *     false}: they are left; or a format of their own
 * @param force with {@code weights: binary}: also where the network was not trained for it
 * @param layers which layers, default all
 */
public record QuantizeSettings(
    @JsonProperty(value = "weights", required = true) NumberFormat weights,
    @JsonProperty("granularity") Sharing granularity,
    @JsonProperty("group") Integer group,
    @JsonProperty("symmetric") Boolean symmetric,
    @JsonProperty("method") Rounding method,
    @JsonProperty("scales") Scales scales,
    @JsonProperty("sequential") Boolean sequential,
    @JsonProperty("activation-order") Boolean activationOrder,
    @JsonProperty("damping") Double damping,
    @JsonProperty("iterations") Integer iterations,
    @JsonProperty("bias-correction") Boolean biasCorrection,
    @JsonProperty("activations") Activations activations,
    @JsonProperty("calibrate") Method calibrate,
    @JsonProperty("percentile") Double percentile,
    @JsonProperty("momentum") Double momentum,
    @JsonProperty("embeddings") Tables embeddings,
    @JsonProperty("force") Boolean force,
    @JsonProperty("layers") Selector layers)
    implements StepSettings {

  /** Methods of rounding by their names in recipes. */
  public enum Rounding {
    @JsonProperty("rtn")
    RTN,
    @JsonProperty("mse")
    MSE,
    @JsonProperty("hqq")
    HQQ,
    @JsonProperty("gptq")
    GPTQ,
    @JsonProperty("adaround")
    ADAROUND
  }

  /** Methods of finding scales by their names in recipes. */
  public enum Scales {
    @JsonProperty("min-max")
    MIN_MAX,
    @JsonProperty("mse")
    MSE,
    @JsonProperty("hqq")
    HQQ;

    private ScaleMethod method() {
      return switch (this) {
        case MIN_MAX -> WholeRange.INSTANCE;
        case MSE -> SmallestError.INSTANCE;
        case HQQ -> HalfQuadratic.INSTANCE;
      };
    }
  }

  /** Formats of activations by their names in recipes. */
  public enum Activations {
    @JsonProperty("none")
    NONE,
    @JsonProperty("int8")
    INT8,
    @JsonProperty("binary")
    BINARY
  }

  /** What becomes of lookup tables, by names in recipes. */
  public enum Tables {
    AS_WEIGHTS("true"),
    UNCHANGED("false"),
    INT8("int8"),
    INT4("int4"),
    NF4("nf4"),
    FLOAT16("float16"),
    BFLOAT16("bfloat16");

    private final String text;

    Tables(String text) {
      this.text = text;
    }

    /** From true, false or a format's name. */
    @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
    static Tables of(Object value) {
      return Arrays.stream(values())
          .filter(tables -> tables.text.equals(String.valueOf(value)))
          .findFirst()
          .orElseThrow(
              () ->
                  new IllegalArgumentException(
                      "'embeddings' is true, false, int8, int4, nf4, float16 or bfloat16, given "
                          + value));
    }
  }

  /** Calibration methods by their names in recipes. */
  public enum Method {
    @JsonProperty("min-max")
    MIN_MAX,
    @JsonProperty("moving-average")
    MOVING_AVERAGE,
    @JsonProperty("percentile")
    PERCENTILE,
    @JsonProperty("entropy")
    ENTROPY,
    @JsonProperty("mse")
    MSE
  }

  @Override
  public Step toStep() {
    if (weights == null) {
      throw new IllegalArgumentException("quantize: 'weights' is missing");
    }
    requireCompanions();
    Quantize step = Quantize.weights(weights).by(weightMethod()).in(selector());
    if (group != null) {
      step = step.group(group);
    } else if (granularity == Sharing.TENSOR) {
      step = step.perTensor();
    }
    if (symmetric != null && !symmetric) {
      step = step.asymmetric();
    }
    if (biasCorrection != null && biasCorrection) {
      step = step.correctBias();
    }
    if (activations == Activations.INT8) {
      step = step.activations(NumberFormat.INT8);
    } else if (activations == Activations.BINARY) {
      step = step.activations(NumberFormat.BINARY);
    }
    if (calibrate != null) {
      step = step.calibrate(calibration());
    }
    if (force != null && force) {
      step = step.force();
    }
    return withTables(step);
  }

  /** Every setting that means nothing by itself. */
  private void requireCompanions() {
    require(
        percentile == null || calibrate == Method.PERCENTILE,
        "percentile",
        "calibrate: percentile");
    require(
        momentum == null || calibrate == Method.MOVING_AVERAGE,
        "momentum",
        "calibrate: moving-average");
    boolean gptq = method == Rounding.GPTQ;
    boolean adaround = method == Rounding.ADAROUND;
    require(scales == null || gptq || adaround, "scales", "method: gptq or adaround");
    require(sequential == null || gptq || adaround, "sequential", "method: gptq or adaround");
    require(activationOrder == null || gptq, "activation-order", "method: gptq");
    require(damping == null || gptq, "damping", "method: gptq");
    require(iterations == null || adaround, "iterations", "method: adaround");
    require(force == null || weights == NumberFormat.BINARY, "force", "weights: binary");
    require(
        method == null || weights.hasCodes(), "method", "weights: int8, int4, nf4 or codebook4");
    require(granularity != Sharing.GROUP || group != null, "granularity: group", "group: N");
    require(
        group == null || granularity == null || granularity == Sharing.GROUP,
        "group",
        "no other granularity");
  }

  private static void require(boolean fits, String key, String companion) {
    if (!fits) {
      throw new IllegalArgumentException("quantize: '" + key + "' goes with '" + companion + "'");
    }
  }

  private WeightMethod weightMethod() {
    ScaleMethod found = scales == null ? SmallestError.INSTANCE : scales.method();
    boolean inSequence = sequential == null || sequential;
    return switch (method == null ? Rounding.RTN : method) {
      case RTN -> new RoundToNearest();
      case MSE -> new RoundToNearest(SmallestError.INSTANCE);
      case HQQ -> new RoundToNearest(HalfQuadratic.INSTANCE);
      case GPTQ ->
          new Gptq(
              found,
              activationOrder == null || activationOrder,
              damping == null ? Gptq.DEFAULT_DAMPING : damping,
              inSequence);
      case ADAROUND ->
          new AdaRound(
              found, iterations == null ? AdaRound.DEFAULT_ITERATIONS : iterations, inSequence);
    };
  }

  private Selector selector() {
    return layers == null ? Selector.ALL : layers;
  }

  private Quantize withTables(Quantize step) {
    return switch (embeddings == null ? Tables.AS_WEIGHTS : embeddings) {
      case AS_WEIGHTS -> step;
      case UNCHANGED -> step.withoutEmbeddings();
      case INT8 -> step.embeddings(NumberFormat.INT8);
      case INT4 -> step.embeddings(NumberFormat.INT4);
      case NF4 -> step.embeddings(NumberFormat.NF4);
      case FLOAT16 -> step.embeddings(NumberFormat.FLOAT16);
      case BFLOAT16 -> step.embeddings(NumberFormat.BFLOAT16);
    };
  }

  private Calibration calibration() {
    return switch (calibrate) {
      case MIN_MAX -> MinMax.calibration();
      case MOVING_AVERAGE -> MovingAverage.of(momentum == null ? 0.9 : momentum);
      case PERCENTILE -> Percentile.of(percentile == null ? 99.99 : percentile);
      case ENTROPY -> Entropy.calibration();
      case MSE -> MeanSquaredError.calibration();
    };
  }
}
