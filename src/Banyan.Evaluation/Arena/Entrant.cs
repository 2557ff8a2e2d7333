using System.Globalization;
using System.Text.Json;
using Banyan.Evaluation.Models;
using Banyan.Evaluation.Prompts;
using Banyan.Evaluation.Recorded;
using Banyan.Evaluation.Transcripts;

namespace Banyan.Evaluation.Arena;

/// <summary>A question.</summary>
/// <param name="Id">Its name.</param>
/// <param name="Text">The question's text.</param>
public sealed record ArenaQuestion(string Id, string Text)
{
    /// <summary>The task item it comes from, which determines the prompt; null if <see cref="Text"/> is a message.</summary>
    public ItemPrompt? Item { get; init; }

    /// <summary>The id of a question that has none of its own.</summary>
    internal static string Numbered(int number) => string.Create(CultureInfo.InvariantCulture, $"question {number}");

    /// <summary>Reads questions from a file: one per line, or JSON lines with a <c>prompt</c> and, if wanted, an <c>id</c>. Throws
    /// <see cref="EvaluationException"/> naming an invalid line.</summary>
    public static IReadOnlyList<ArenaQuestion> Read(string file)
    {
        var text = DataFiles.ReadText(file);
        var isJson = text.AsSpan().TrimStart().StartsWith("{");
        static string? Field(JsonElement line, string name) =>
            line.ValueKind == JsonValueKind.Object && line.TryGetProperty(name, out var field) && field.ValueKind == JsonValueKind.String
            && field.GetString() is { Length: > 0 } value ? value : null;
        List<ArenaQuestion> questions = [.. isJson
            ? JsonLines.Parse(text, file)
            .Select((line, i) => new ArenaQuestion(Field(line, "id") ?? Numbered(i + 1),
                Field(line, "prompt") ?? throw new EvaluationException($"{file}: question {i + 1} has no 'prompt'")))
            : text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select((line, i) => new ArenaQuestion(Numbered(i + 1), line))];
        return questions.Count > 0 ? questions : throw new EvaluationException($"{file} has no questions");
    }
}

/// <summary>A model in the arena.</summary>
/// <param name="Name">Its name; shown to voters after they vote.</param>
/// <param name="Has">Whether it can answer a question.</param>
/// <param name="AnswerAsync">Its answer.</param>
public sealed record Entrant(string Name, Func<ArenaQuestion, bool> Has,
    Func<ArenaQuestion, CancellationToken, Task<ArenaAnswer>> AnswerAsync)
{
    /// <summary>
    /// A model with recorded answers: a transcript of <c>banyan eval run</c>, a file that <c>banyan eval score</c> reads, or a folder of
    /// pictures, sounds or videos, each called as the question's id or number (<c>3.mp4</c> answers <c>question 3</c>).
    /// </summary>
    /// <param name="file">The file or folder.</param>
    /// <param name="name">The model's name; null: the transcript's, the file's or the folder's.</param>
    public static Entrant Recorded(string file, string? name = null)
    {
        if (Directory.Exists(file))
            return Media(file, name ?? Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(file))));
        Dictionary<string, string> answers = [];
        if (IsTranscript(file))
            foreach (var entry in Transcript.Read(file))
            {
                name ??= entry.RequestedModel;
                answers.TryAdd(entry.Item, entry.Answer);
            }
        else
            foreach (var answer in RecordedAnswers.Read(file))
                answers.TryAdd(answer.Id, answer.Text);
        if (answers.Count == 0)
            throw new EvaluationException($"{file} has no answers");
        return new(name ?? Path.GetFileNameWithoutExtension(file), q => answers.ContainsKey(q.Id),
            (q, _) => Task.FromResult(new ArenaAnswer(answers[q.Id])));
    }

    static Entrant Media(string folder, string name)
    {
        Dictionary<string, ArenaAnswer> answers = [];
        foreach (var file in Directory.EnumerateFiles(folder).Order(StringComparer.Ordinal))
            if (ArenaAnswer.Of(file) is { } answer)
            {
                var stem = Path.GetFileNameWithoutExtension(file);
                answers.TryAdd(int.TryParse(stem, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                    ? ArenaQuestion.Numbered(number) : stem, answer);
            }
        return answers.Count == 0
            ? throw new EvaluationException(
                $"{folder} has no pictures, sounds or videos (png, jpg, gif, webp, avif, wav, flac, mp3, ogg, opus, m4a, mp4, webm)")
            : new(name, q => answers.ContainsKey(q.Id), (q, _) => Task.FromResult(answers[q.Id]));
    }

    /// <summary>A model that answers live.</summary>
    /// <param name="model">The model.</param>
    /// <param name="sampling">How its answers are drawn.</param>
    /// <param name="name">Its display name; null for its own name.</param>
    /// <param name="cancellationToken">Cancels waiting for the service's capabilities.</param>
    public static async Task<Entrant> OfAsync(EvaluatedModel model, SamplingSettings sampling, string? name = null,
        CancellationToken cancellationToken = default)
    {
        var kinds = await model.KindsAsync(cancellationToken);
        var turns = new SemaphoreSlim(Math.Max(1, model.Parallel));
        return new(name ?? model.Name, _ => true, async (question, token) =>
        {
            var prompt = question.Item is { } item ? PromptLadder.Write(item, PromptLadder.Choose(item.Asked, kinds, model.IsBase))
                : new ModelPrompt(kinds.Contains(PromptKind.Chat) && !model.IsBase ? PromptKind.Chat
                    : PromptKind.Completion, question.Text);
            await turns.WaitAsync(token);
            try
            {
                return new((await model.AnswerAsync(prompt, sampling, 0, token)).Text);
            }
            finally
            {
                turns.Release();
            }
        });
    }

    static bool IsTranscript(string file)
    {
        try
        {
            return Transcript.Read(file).Any();
        }
        catch (EvaluationException)
        {
            return false; // another form of recorded answers
        }
    }
}
