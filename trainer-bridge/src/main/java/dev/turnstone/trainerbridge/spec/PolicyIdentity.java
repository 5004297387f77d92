package dev.turnstone.trainerbridge.spec;

/// What a trainer must share with the policy whose tokens it trains.
///
/// @param tokenizerSha256 of the tokenizer file, lower-case hexadecimal
/// @param chatTemplateSha256 of the chat template's text
/// @param vocabSize ids lie in `[0, vocabSize)`
public record PolicyIdentity(String tokenizerSha256, String chatTemplateSha256, int vocabSize) {
  public PolicyIdentity {
    if (vocabSize < 1) throw new IllegalArgumentException("vocab_size < 1: " + vocabSize);
  }
}
