package dev.turnstone.engine.chat.tools;

import com.fasterxml.jackson.databind.JsonNode;
import dev.turnstone.engine.chat.tools.Opening.Place;
import dev.turnstone.engine.chat.tools.ToolFormat.Section;
import dev.turnstone.rollout.Json;
import dev.turnstone.rollout.ToolCall;
import dev.turnstone.rollout.ToolCallParser.Turn;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;

/// Reads the calls of one turn, whose text is complete or still grows. What stands between and
/// after calls is dropped. Used once.
final class CallReader {
  private final ToolFormat format;
  private final Turn turn;
  private final StringBuilder text;
  private final Cursor cursor;
  private final boolean ended;
  private final List<ToolCall> calls = new ArrayList<>();
  private Call current = new Call();
  private int firstAt;

  /// Whether an answer in JSON stands before the first call.
  private boolean answersFirst;

  /// @param text of the turn
  /// @param ended whether that is all of it
  CallReader(ToolFormat format, Turn turn, StringBuilder text, boolean ended) {
    this.format = format;
    this.turn = turn;
    this.text = text;
    this.ended = ended;
    this.cursor = new Cursor(text.toString(), 0);
  }

  /// The calls of a text that still grows: those that are whole, and the last as far as it goes,
  /// whose arguments are the beginning of what they will be. None has more than is certain, unless
  /// the turn turns out to be unreadable.
  List<ToolCall> begun(int opening, int start) {
    try {
      var _ = read(opening, start);
    } catch (Unreadable _) {
      if (!current.name.isEmpty() && !current.soFar.isEmpty())
        calls.add(new ToolCall(id(current), current.name, new Json(current.soFar)));
    }
    // Such an answer is content, which is held until the end and comes before its calls.
    return answersFirst ? List.of() : calls;
  }

  /// Calls, and where the first begins.
  record Found(int at, List<ToolCall> calls) {}

  /// Thrown by [Step.NamedJson]: the object was an answer.
  private static final class NoCall extends Exception {
    private static final long serialVersionUID = 1;

    NoCall() {
      super(null, null, false, false);
    }
  }

  /// The calls from an opening on; empty if what looked like calls were answers in JSON.
  ///
  /// @param start where the content begins
  Optional<Found> read(int opening, int start) throws Unreadable {
    cursor.moveTo(opening);
    for (Place place = find(start); place.certain(); place = find(start)) {
      cursor.moveTo(place.at());
      int before = calls.size();
      try {
        section(sectionAt(place.at(), start));
        if (before == 0) firstAt = place.at();
      } catch (NoCall _) {
        // The cursor stands behind the object.
        answersFirst |= before == 0;
      }
    }
    return calls.isEmpty() ? Optional.empty() : Optional.of(new Found(firstAt, calls));
  }

  private Place find(int start) {
    return format.find(text, cursor.at(), Math.max(start, cursor.at()), true);
  }

  private Section sectionAt(int at, int start) {
    return format.sections().stream()
        .filter(
            s -> s.opening().find(text, at, Math.max(start, at), true).equals(new Place(at, true)))
        .findFirst()
        .orElseThrow();
  }

  private void section(Section section) throws Unreadable, NoCall {
    for (Step step : section.before()) step(step, new Call());
    call(section);
    while (another(section)) call(section);
    for (Step step : section.after()) step(step, new Call());
  }

  private boolean another(Section section) {
    cursor.skipSpace();
    if (!section.separator().isEmpty()) return cursor.take(section.separator());
    return !section.before().isEmpty()
        && section.call().getFirst() instanceof Step.Text(String begin, _)
        && cursor.has(begin);
  }

  private void call(Section section) throws Unreadable, NoCall {
    Call call = new Call();
    current = call;
    for (Step step : section.call()) step(step, call);
    calls.add(new ToolCall(id(call), call.name, call.arguments));
    current = new Call();
  }

  private String id(Call call) {
    return call.id.isEmpty() ? format.ids().id(turn.number(), calls.size()) : call.id;
  }

  /// A call as far as it is read.
  static final class Call {
    private String id = "";
    private String name = "";
    private Json arguments = Json.EMPTY_OBJECT;
    private String last = "the beginning";

    /// The beginning of the arguments, as far as it is certain.
    private String soFar = "";

    void named(String value) {
      name = value;
    }

    void soFar(String value) {
      soFar = value;
    }
  }

  private void step(Step step, Call call) throws Unreadable, NoCall {
    if (!(step instanceof Step.Python)) cursor.skipSpace();
    switch (step) {
      case Step.Text(String wanted, Step.Missing missing) -> {
        text(wanted, missing, call);
        call.last = wanted;
      }
      case Step.Name name -> {
        Matcher found = cursor.match(name.pattern(), "the name of a tool");
        call.name = found.group("name");
        if (name.hasId()) call.id = Optional.ofNullable(found.group("id")).orElse("");
        call.last = "the name";
      }
      case Step.NamedJson named -> {
        namedJson(named, call);
        call.last = "the JSON object";
      }
      case Step.Json _ -> {
        call.arguments = CallJson.arguments(cursor, call);
        call.last = "the JSON object";
      }
      case Step.Python _ -> call.arguments = python(call);
      case Step.Tagged tagged -> {
        call.arguments = tagged(tagged, call);
        call.last = "the arguments";
      }
      case Step.End _ -> {
        if (!cursor.atEnd())
          throw new Unreadable("expected nothing after the calls, got " + cursor.excerpt());
      }
    }
  }

  private void text(String wanted, Step.Missing missing, Call call) throws Unreadable {
    if (cursor.take(wanted)) return;
    if (missing != Step.Missing.NEVER && ended && cursor.takeCutOff(wanted)) return;
    if (missing != Step.Missing.ALWAYS) cursor.expect(wanted, call.last);
  }

  private void namedJson(Step.NamedJson named, Call call) throws Unreadable, NoCall {
    CallJson json = CallJson.read(cursor, named.arguments(), call);
    if (json.name().isEmpty() || json.arguments().isEmpty()) {
      if (named.orContent()) throw new NoCall();
      throw new Unreadable(
          json.name().isEmpty()
              ? "the call has no \"name\""
              : "the call has no \""
                  + named.arguments().stream().sorted().findFirst().get()
                  + "\"");
    }
    call.name = json.name().get();
    call.arguments = json.arguments().get();
  }

  private Json python(Call call) throws Unreadable {
    ArgumentText arguments = new ArgumentText();
    cursor.skipSpace();
    while (!cursor.take(")")) {
      String name = cursor.match(PythonLiteral.WORD, "the name of an argument").group();
      cursor.skipSpace();
      cursor.expect("=", "the name of an argument");
      cursor.skipSpace();
      Optional<String> json = CallJson.container(cursor);
      String value = json.isPresent() ? json.get() : PythonLiteral.read(cursor);
      cursor.skipSpace();
      // Until then a number may go on.
      if (!cursor.has(")")) cursor.expect(",", "an argument");
      arguments.put(name, value);
      call.soFar(arguments.open());
      cursor.skipSpace();
    }
    return arguments.json();
  }

  private Json tagged(Step.Tagged tags, Call call) throws Unreadable {
    JsonNode schema = TypedValue.schema(turn.tools(), call.name);
    ArgumentText arguments = new ArgumentText();
    cursor.skipSpace();
    while (cursor.take(tags.keyOpen())) {
      String key = cursor.until(tags.keyClose(), "the name of an argument").strip();
      if (!tags.valueOpen().isEmpty()) {
        cursor.skipSpace();
        cursor.expect(tags.valueOpen(), tags.keyClose());
      }
      String value = value(tags, key, TypedValue.isContainer(schema, key));
      arguments.put(key, TypedValue.json(schema, key, tags.onLine() ? line(value) : value));
      call.soFar(arguments.open());
      cursor.skipSpace();
    }
    if (!ended && Tail.begins(text, cursor.at(), tags.keyOpen()))
      throw new Unreadable("another argument may follow");
    return arguments.json();
  }

  /// Up to the tag that closes it, which may also stand in a string of JSON.
  private String value(Step.Tagged tags, String key, boolean container) throws Unreadable {
    int start = cursor.at();
    cursor.skipSpace();
    Optional<String> json = container ? CallJson.container(cursor) : Optional.empty();
    cursor.skipSpace();
    if (json.isPresent() && cursor.take(tags.valueClose())) return json.get();
    if (!ended && container && (json.isEmpty() || cursor.atEnd()))
      throw new Unreadable("the value may go on");
    cursor.moveTo(start);
    return cursor.until(tags.valueClose(), "argument " + key);
  }

  /// Without one line break at either end.
  private static String line(String value) {
    String line = value.startsWith("\n") ? value.substring(1) : value;
    return line.endsWith("\n") ? line.substring(0, line.length() - 1) : line;
  }
}
