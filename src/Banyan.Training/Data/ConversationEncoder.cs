using System.Text.Json.Nodes;
using Banyan.Runtime.Prompts;
using Banyan.Runtime.Templates;
using Banyan.Runtime.Templates.Formatting;
using Banyan.Runtime.Templates.Nodes;
using Banyan.Runtime.Tokenizers;

namespace Banyan.Training.Data;

/// <summary>
/// Conversations as tokens, with the assistant's messages as targets: their content and the token that ends each. The text is that of the
/// model's own template, and every answer is cut off its prompt where generation would begin, so that training sees the tokens that
/// generation sees:
/// <code>
/// template with {% generation %}   those blocks are the targets
/// any other                        for each answer: the prompt of the messages before it is rendered, and the messages up to and with it;
///                                  what the second has more is the answer
/// </code>
/// A template may rewrite what was said earlier, such as drop old reasoning. The prompt of an answer is then not a prefix of the whole
/// conversation, and the answer becomes a sample of its own.
/// </summary>
sealed class ConversationEncoder(Tokenizer tokenizer, ChatTemplate template)
{
    /// <summary>The date that templates get as today's: data must not change with the calendar.</summary>
    static readonly DateTimeOffset s_now = new(2025, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>The samples of a conversation, usually one.</summary>
    /// <exception cref="RecordException">The template refuses it, or its answers cannot be located in the rendered text.</exception>
    public IReadOnlyList<Sample> Encode(ChatExample example)
    {
        try
        {
            var variables = new JsonObject { ["messages"] = Messages(example.Messages) };
            if (example.Tools is { } tools)
                variables["tools"] = tools.DeepClone();
            var mark = ChatPrompt.Prepare(tokenizer, template, variables);
            var render = new Rendering(template, variables, mark);
            var whole = render.Text(example.Messages.Count, forAnswer: false, out var blocks);
            return blocks is { Count: > 0 } ? [Blocks(render, whole, blocks, example)] : Turns(render, example);
        }
        catch (TemplateException e)
        {
            throw new RecordException($"the model's chat template refuses it: {e.Message}");
        }
    }

    static JsonArray Messages(JsonArray messages)
    {
        var copy = messages.DeepClone().AsArray();
        foreach (var message in copy)
            message!.AsObject().Remove("weight");
        return copy;
    }

    // :: {% generation %}: the nth block is the nth answer's.
    Sample Blocks(Rendering render, string whole, IReadOnlyList<(int Start, int End)> blocks, ChatExample example)
    {
        var answers = Answers(example);
        if (blocks.Count != answers.Count)
            throw new RecordException(
                $"the template marks {blocks.Count} answers with {{% generation %}}, where the conversation has {answers.Count}");
        var (tokens, targets, at) = (new List<int>(), new List<bool>(), 0);
        foreach (var (block, answer) in blocks.Zip(answers))
        {
            Add(render, whole[at..block.Start], isAnswer: false, tokens, targets);
            Add(render, whole[block.Start..block.End], Conversation.IsTarget(example.Messages[answer]), tokens, targets);
            at = block.End;
        }
        // What ends the answer may stand behind the block.
        var before = tokens.Count;
        Add(render, whole[at..], isAnswer: false, tokens, targets);
        for (var i = 1; i < tokens.Count; i++)
            if (targets[i - 1] && !targets[i] && IsEnd(tokens[i]) && !IsEnd(tokens[i - 1]))
                targets[i] = true;
        return Ended(tokens, targets, before);
    }

    // :: Prefixes
    List<Sample> Turns(Rendering render, ChatExample example)
    {
        var left = Answers(example).Select(i => new Turn(render, i, Conversation.IsTarget(example.Messages[i]))).ToList();
        var samples = new List<Sample>();
        while (left.Count > 0)
        {
            var last = left[^1];
            var within = new List<Turn>();
            foreach (var turn in left)
                if (turn == last || turn.IsPlain && turn.Prompt.Length >= (within.Count == 0 ? 0 : within[^1].Whole.Length)
                    && last.Prompt.StartsWith(turn.Whole, StringComparison.Ordinal))
                    within.Add(turn);
            if (within.Any(t => t.IsTarget))
                samples.Insert(0, One(render, within));
            left.RemoveAll(within.Contains);
        }
        return samples.Count > 0 ? samples : throw new RecordException("every answer in it has weight 0: there is nothing to learn");
    }

    Sample One(Rendering render, List<Turn> turns)
    {
        var (tokens, targets, at) = (new List<int>(), new List<bool>(), 0);
        var before = 0;
        foreach (var turn in turns)
        {
            Add(render, turn.Prompt[at..], isAnswer: false, tokens, targets);
            before = tokens.Count;
            Add(render, turn.Answer, turn.IsTarget, tokens, targets);
            // Up to the token that ends it; the line break after that is the template's.
            var end = tokens.FindLastIndex(IsEnd);
            if (turn.IsTarget && end >= before)
                for (var i = end + 1; i < tokens.Count; i++)
                    targets[i] = false;
            at = turn.Prompt.Length + turn.Answer.Length;
        }
        return Ended(tokens, targets, before);
    }

    // Where a template writes no end, the model would never learn one.
    Sample Ended(List<int> tokens, List<bool> targets, int last)
    {
        if (targets.Count > 0 && targets[^1] && !tokens.Skip(last).Any(IsEnd) && tokenizer.Eos is { } eos)
        {
            tokens.Add(eos);
            targets.Add(true);
        }
        return new([.. tokens], [.. targets]);
    }

    void Add(Rendering render, string text, bool isAnswer, List<int> tokens, List<bool> targets)
    {
        if (text.Length == 0)
            return;
        var ids = tokenizer.EncodeMarked(text, render.Mark, startsText: tokens.Count == 0);
        tokens.AddRange(ids);
        targets.AddRange(Enumerable.Repeat(isAnswer, ids.Length));
    }

    bool IsEnd(int token) => tokenizer.EndOfGeneration.Contains(token);

    static List<int> Answers(ChatExample example) =>
        [.. Enumerable.Range(0, example.Messages.Count).Where(i => Conversation.Text(example.Messages[i]!["role"]) == "assistant")];

    /// <summary>An answer, and its prompt when it was generated.</summary>
    sealed class Turn
    {
        public Turn(Rendering render, int index, bool isTarget)
        {
            IsTarget = isTarget;
            Prompt = render.Text(index, forAnswer: true, out _);
            Whole = render.Text(index + 1, forAnswer: false, out _);
            IsPlain = Whole.StartsWith(Prompt, StringComparison.Ordinal);
            Answer = IsPlain ? Whole[Prompt.Length..] : Behind(render, index);
            if (Answer.Length == 0)
                throw new RecordException($"the template leaves nothing of message {index + 1}, the assistant's");
        }

        public bool IsTarget { get; }

        public string Prompt { get; }

        public string Whole { get; }

        /// <summary>Whether the conversation starts with the prompt.</summary>
        public bool IsPlain { get; }

        public string Answer { get; }

        // The prompt ends with the beginning of an answer, such as <think>\n, which the template takes out of finished answers together
        // with the reasoning: then it is the answer as it was written, from there on, and the end that the template writes after it.
        string Behind(Rendering render, int index)
        {
            var opening = Prompt[(Prompt.LastIndexOf('<') is var at and >= 0 ? at : Prompt.Length)..];
            var tag = opening.Trim();
            var (content, closing) = ((render.Text(index, "content") ?? "").Trim(), tag.Insert(Math.Min(1, tag.Length), "/"));
            if (render.Text(index, "reasoning_content") is { } reasoning)
                content = $"{opening}{reasoning.Trim()}\n{closing}\n\n{content}";
            // Or it ends an empty reasoning, and the answer alone follows.
            var isClosed = tag.StartsWith("</", StringComparison.Ordinal)
                || tag.EndsWith("|>", StringComparison.Ordinal) && !tag.StartsWith("<|", StringComparison.Ordinal);
            if (isClosed)
                closing = tag;
            else if (tag.Length == 0 || !content.StartsWith(tag, StringComparison.Ordinal))
                throw new RecordException(
                    $"the template begins every answer with {Quote(opening)}, which message {index + 1}, the assistant's, does not: "
                    + "a model would learn answers that it is never asked for. Give the messages with their reasoning, or use another template");
            var shown =
                content[(content.LastIndexOf(closing, StringComparison.Ordinal) is var end and > 0 ? end + closing.Length : isClosed
                    ? 0 : tag.Length)..].Trim();
            var found = shown.Length == 0 ? -1 : Whole.LastIndexOf(shown, StringComparison.Ordinal);
            if (found < 0)
                throw new RecordException(
                    $"the template rewrites message {index + 1}, the assistant's, so that its text cannot be found in what it renders");
            if (isClosed)
                return shown + Whole[(found + shown.Length)..];
            var written = content[tag.Length..];
            return (opening.EndsWith('\n') && written.StartsWith('\n') ? written[1..] : written) + Whole[(found + shown.Length)..];
        }

        static string Quote(string text) => $"'{text.Replace("\n", "\\n", StringComparison.Ordinal)}'";
    }

    /// <summary>The conversation up to a message, as text whose special tokens are marked.</summary>
    sealed class Rendering(ChatTemplate template, JsonObject variables, char mark)
    {
        readonly JsonArray _messages = variables["messages"]!.AsArray();

        public char Mark => mark;

        /// <summary>A key's text in a message.</summary>
        public string? Text(int message, string key) => Conversation.Text(_messages[message]![key]);

        public string Text(int messages, bool forAnswer, out IReadOnlyList<(int, int)>? answers)
        {
            var part = new JsonObject();
            foreach (var (name, value) in variables)
                if (name != "messages")
                    part[name] = value?.DeepClone();
            part["messages"] = new JsonArray([.. _messages.Take(messages).Select(m => m!.DeepClone())]);
            part["add_generation_prompt"] = forAnswer;
            var text = template.Render(part, s_now, null, out var render);
            answers = render.Answers;
            return text;
        }
    }
}
