package dev.turnstone.upstream.wire;

import dev.turnstone.rollout.Tokens;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;

/// Words that must not be generated, as engines take them. vLLM takes texts and makes ids of them
/// itself, of each word as it begins a text and as it follows a space; SGLang takes a bias, which
/// can forbid single ids only.
///
/// @param encode ids of a text, without anything around it
/// @param decode the text of ids
public record BadWords(Function<String, Tokens> encode, Function<Tokens, String> decode) {
  /// No logit that a bias is added to comes near it.
  static final double NEVER = -1e9;

  /// Texts of which vLLM makes these words and no others; empty if there are none.
  Optional<List<String>> texts(Set<Tokens> words) {
    Set<String> texts = new LinkedHashSet<>();
    for (Tokens word : words) texts.add(decode.apply(word).stripLeading());
    Set<Tokens> made = new HashSet<>();
    for (String text : texts) {
      Tokens bare = encode.apply(text);
      if (bare.isEmpty()) return Optional.empty();
      made.add(bare);
      Tokens spaced = encode.apply(" " + text);
      if (spaced.size() == bare.size() && spaced.get(0) != bare.get(0)) made.add(spaced);
    }
    return made.equals(words) ? Optional.of(new ArrayList<>(texts)) : Optional.empty();
  }

  /// The first word that is more than one id.
  static Optional<Tokens> several(Set<Tokens> words) {
    return words.stream().filter(word -> word.size() > 1).findFirst();
  }
}
