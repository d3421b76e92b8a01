package io.github.demitasse.format.safetensors;

import io.github.demitasse.tensor.DataType;

/** Thread-safe: safetensors' names of element types. */
final class SafetensorsTypes {
  private SafetensorsTypes() {}

  /** The name of a type, or null if safetensors has none. */
  static String name(DataType type) {
    return switch (type) {
      case BOOL -> "BOOL";
      case UINT8 -> "U8";
      case INT8 -> "I8";
      case UINT16 -> "U16";
      case INT16 -> "I16";
      case UINT32 -> "U32";
      case INT32 -> "I32";
      case UINT64 -> "U64";
      case INT64 -> "I64";
      case FLOAT16 -> "F16";
      case BFLOAT16 -> "BF16";
      case FLOAT32 -> "F32";
      case FLOAT64 -> "F64";
      case FLOAT8E4M3FN -> "F8_E4M3";
      case FLOAT8E5M2 -> "F8_E5M2";
      default -> null;
    };
  }

  /** The type of a name, or null if there is none. */
  static DataType type(String name) {
    return switch (name) {
      case "BOOL" -> DataType.BOOL;
      case "U8" -> DataType.UINT8;
      case "I8" -> DataType.INT8;
      case "U16" -> DataType.UINT16;
      case "I16" -> DataType.INT16;
      case "U32" -> DataType.UINT32;
      case "I32" -> DataType.INT32;
      case "U64" -> DataType.UINT64;
      case "I64" -> DataType.INT64;
      case "F16" -> DataType.FLOAT16;
      case "BF16" -> DataType.BFLOAT16;
      case "F32" -> DataType.FLOAT32;
      case "F64" -> DataType.FLOAT64;
      case "F8_E4M3" -> DataType.FLOAT8E4M3FN;
      case "F8_E5M2" -> DataType.FLOAT8E5M2;
      default -> null;
    };
  }
}
