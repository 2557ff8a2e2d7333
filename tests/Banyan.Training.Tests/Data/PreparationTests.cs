using System.IO.Compression;
using System.Text;
using Banyan.Runtime.Files;
using Banyan.Runtime.Templates;
using Banyan.Runtime.Templates.Formatting;
using Banyan.Runtime.Templates.Nodes;
using Banyan.Runtime.Templates.Values;
using Banyan.Runtime.Tokenizers;
using Banyan.Tests;
using Banyan.Training.Data;
using Banyan.Training.Data.Records;
using Parquet.Schema;
using Parquet.Serialization;

namespace Banyan.Training.Tests.Data;

/// <summary>
/// Data of every format becomes samples whose targets are what the model is to say, and what cannot is told with its place.
/// </summary>
public sealed class PreparationTests : IDisposable
{
    const string Plain =
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

    static readonly Tokenizer s_tokenizer = Load();

    readonly string _folder = Directory.CreateTempSubdirectory("banyan-data-").FullName;

    static Tokenizer Load()
    {
        using var file = ModelFile.Open(Path.Combine(SharedData.Repository, "models", "sprout", "sprout-Q8_0.gguf"));
        return Tokenizer.Load(file);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    PreparedData Prepare(string name, string content, Func<DataOptions, DataOptions>? change = null, string template = Plain)
    {
        var path = Path.Combine(_folder, name);
        File.WriteAllText(path, content);
        var options = new DataOptions(path) { HeldOutShare = 0 };
        return Preparation.Run(s_tokenizer, ChatTemplate.Parse(template), change?.Invoke(options) ?? options,
            Path.Combine(_folder, "tokens"));
    }

    // Tokens with ⟦targets⟧ in brackets.
    static string Marked(Sample sample)
    {
        var (text, inside) = (new StringBuilder(), false);
        for (var i = 0; i <= sample.Tokens.Length; i++)
        {
            var target = i < sample.Tokens.Length && sample.Targets[i];
            if (target != inside)
                text.Append(inside ? '⟧' : '⟦');
            inside = target;
            if (i < sample.Tokens.Length)
                text.Append(s_tokenizer.Text(sample.Tokens[i]));
        }
        return text.ToString();
    }

    const string Chat =
        """{"messages":[{"role":"system","content":"S"},{"role":"user","content":"How?"},{"role":"assistant","content":"So."},{"role":"user","content":"Why?"},{"role":"assistant","content":"Hence."}]}""";

    public static TheoryData<string, string> Formats => new()
    {
        { Chat, "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nHow?<|im_end|>\n<|im_start|>assistant\n⟦So.<|im_end|>⟧\n<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\n⟦Hence.<|im_end|>⟧\n" },
        { Chat.Replace("\"So.\"", "\"So.\",\"weight\":0"),
            "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nHow?<|im_end|>\n<|im_start|>assistant\nSo.<|im_end|>\n<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\n⟦Hence.<|im_end|>⟧\n" },
        { """{"conversations":[{"from":"human","value":"How?"},{"from":"gpt","value":"So."}]}""",
            "<|im_start|>user\nHow?<|im_end|>\n<|im_start|>assistant\n⟦So.<|im_end|>⟧\n" },
        { """{"instruction":"Add","input":"1 2","output":"3"}""",
            "<|im_start|>user\nAdd\n1 2<|im_end|>\n<|im_start|>assistant\n⟦3<|im_end|>⟧\n" },
        { """{"prompt":"1 + 2 =","completion":" 3"}""", "1 + 2 =⟦ 3<|endoftext|>⟧" },
        { """{"prompt":[{"role":"user","content":"How?"}],"completion":[{"role":"assistant","content":"So."}]}""",
            "<|im_start|>user\nHow?<|im_end|>\n<|im_start|>assistant\n⟦So.<|im_end|>⟧\n" },
        { """{"text":"a b <|im_end|>"}""", "⟦a b <|im_end|><|endoftext|>⟧" },
        // What a message quotes ends no turn.
        { """{"messages":[{"role":"user","content":"<|im_end|>"},{"role":"assistant","content":"x<|im_end|>y"}]}""",
            "<|im_start|>user\n<|im_end|><|im_end|>\n<|im_start|>assistant\n⟦x<|im_end|>y<|im_end|>⟧\n" },
    };

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_record_becomes_a_sample_with_its_answers_as_targets(string record, string expected)
    {
        using var data = Prepare("a.jsonl", record + "\n");
        Assert.Equal(expected, Marked(data.Data.Samples[0]));
    }

    [Fact]
    public void Special_tokens_in_contents_are_text()
    {
        using var data =
            Prepare("a.jsonl", """{"messages":[{"role":"user","content":"<|im_end|>"},{"role":"assistant","content":"x<|im_end|>y"}]}""");
        Assert.True(s_tokenizer.TryFind("<|im_end|>", out var end));
        Assert.Equal(2, data.Data.Samples[0].Tokens.Count(t => t == end));
    }

    [Fact]
    public void Blocks_of_generation_are_the_targets()
    {
        using var data = Prepare("a.jsonl", Chat,
            template: "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.role == 'assistant' %}{% generation %}{{ m.content }}{% endgeneration %}{% else %}{{ m.content }}{% endif %}<|im_end|>\n{% endfor %}");
        Assert.EndsWith(
            "How?<|im_end|>\n<|im_start|>assistant\n⟦So.<|im_end|>⟧\n<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\n⟦Hence.<|im_end|>⟧\n", Marked(data.Data.Samples[0]));
    }

    static string Shared(string template) => File.ReadAllText(SharedData.Path("chat-templates", template));

    [Fact]
    public void Where_old_reasoning_is_dropped_every_answer_is_learnt_after_what_it_was_generated_after()
    {
        using var data =
            Prepare("a.jsonl",
                """{"messages":[{"role":"user","content":"A?"},{"role":"assistant","content":"<think>\nhm\n</think>\n\nB."},{"role":"user","content":"C?"},{"role":"assistant","content":"<think>\noh\n</think>\n\nD."}]}""",
            template: Shared("Qwen-Qwen3-0.6B.jinja"));
        Assert.Equal(["<|im_start|>user\nA?<|im_end|>\n<|im_start|>assistant\n⟦<think>\nhm\n</think>\n\nB.<|im_end|>⟧\n",
            "<|im_start|>user\nA?<|im_end|>\n<|im_start|>assistant\nB.<|im_end|>\n<|im_start|>user\nC?<|im_end|>\n<|im_start|>assistant\n⟦<think>\noh\n</think>\n\nD.<|im_end|>⟧\n"],
            data.Data.Samples.Select(Marked));
    }

    [Fact]
    public void A_prompt_that_begins_the_reasoning_is_followed_by_the_rest_of_it()
    {
        var thinking = Shared("Qwen-QwQ-32B.jinja").Replace("not enable_thinking", "false", StringComparison.Ordinal);
        using var data =
            Prepare("a.jsonl",
                """{"messages":[{"role":"user","content":"A?"},{"role":"assistant","content":"<think>\nhm\n</think>\n\nB."}]}""",
                template: thinking);
        Assert.EndsWith("<|im_start|>assistant\n<think>\n⟦hm\n</think>\n\nB.<|im_end|>⟧\n", Marked(data.Data.Samples[0]));
        var error =
            Assert.Throws<DataException>(() =>
                Prepare("b.jsonl",
                    """{"messages":[{"role":"user","content":"A?"},{"role":"assistant","content":"B."}]}""", template: thinking));
        Assert.Contains("b.jsonl, line 1: the template begins every answer with '<think>\\n'", error.Message);
    }

    [Fact]
    public void A_prompt_that_ends_the_reasoning_is_followed_by_the_answer()
    {
        using var data = Prepare("a.jsonl", """{"messages":[{"role":"user","content":"A?"},{"role":"assistant","content":"B."}]}""",
            template: Shared("Qwen-QwQ-32B.jinja"));
        Assert.EndsWith("<|im_start|>assistant\n<think>\n</think>⟦B.<|im_end|>⟧\n", Marked(data.Data.Samples[0]));
    }

    /// <summary>Every published template gives the right targets, or the data is refused with the reason.</summary>
    [Fact]
    public void Published_templates_give_the_answer_and_its_end()
    {
        foreach (var file in Directory.GetFiles(Path.GetDirectoryName(SharedData.Path("chat-templates", "expected.json"))!, "*.jinja"))
            try
            {
                using var data = Prepare("a.jsonl",
                    """{"messages":[{"role":"user","content":"Kenapa?"},{"role":"assistant","content":"Sebab begitu."}]}""",
                    o => o with { MaxTokens = 100_000 }, File.ReadAllText(file));
                var sample = data.Data.Samples[^1];
                var said = s_tokenizer.Decode(sample.Tokens.Where((_, i) => sample.Targets[i]));
                Assert.Contains("Sebab begitu.", said);
                Assert.DoesNotContain("Kenapa", said);
                Assert.False(sample.Targets[0]);
            }
            catch (DataException e)
            {
                Assert.Matches("the template begins every answer with|the model's chat template refuses it", e.Message);
            }
    }

    [Theory]
    [InlineData("{\"messages\": [}", "broken JSON")]
    [InlineData("[1]", "it is a list, where a JSON object is needed")]
    [InlineData("{\"prompt\":\"a\",\"completion\":\"\"}", "its completion is empty")]
    [InlineData("{\"x\":1}", "what kind of record this is does not show in its keys (x)")]
    [InlineData("""{"messages":[]}""", "the list of messages is empty")]
    [InlineData("""{"messages":[{"role":"user","content":"a"}]}""", "the last message is the user's: the assistant's answer is missing")]
    [InlineData("""{"messages":[{"role":"user","content":"a"},{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}""",
        "roles are out of order: message 2 is the user's, after the user's")]
    [InlineData("""{"messages":[{"role":"assistant","content":"b"}]}""",
        "roles are out of order: message 1 is the assistant's, and the first")]
    [InlineData("""{"messages":[{"role":"user","content":"a"},{"role":"bot","content":"b"}]}""", "message 2 has the role 'bot'")]
    [InlineData("""{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":" "}]}""",
        "message 2, the assistant's, is empty")]
    [InlineData("""{"messages":[{"role":"user","content":[{"type":"image_url"}]},{"role":"assistant","content":"b"}]}""",
        "of type 'image_url', where only text is learnt")]
    [InlineData("""{"prompt":"a","chosen":"b","rejected":"b"}""", "its chosen and its rejected answer are the same")]
    public void What_cannot_be_learnt_is_told_with_its_line_and_skipped_on_demand(string record, string expected)
    {
        var content = $"\n{record}\n{Chat}\n";
        var error =
            Assert.Throws<DataException>(() =>
                Prepare("a.jsonl", content, o => record.Contains("\"x\"") ? o
                    : o with { Format = record.Contains("prompt") ? null : DataFormat.Chat }));
        Assert.Contains($"a.jsonl, line 2: ", error.Message);
        Assert.Contains(expected, error.Message);
        if (record.Contains("prompt"))
            return; // the next line is then of another format
        using var data = Prepare("a.jsonl", content, o => o with { SkipBad = true });
        Assert.Equal((2, 1, 1), (data.Report.Records, data.Report.Bad, data.Report.Samples));
    }

    [Fact]
    public void Bytes_that_are_no_UTF8_are_named()
    {
        File.WriteAllBytes(Path.Combine(_folder, "a.jsonl"),
            [.. Encoding.UTF8.GetBytes(Chat + "\n"), .. "{\"text\":\""u8, 0xE4, .. "\"}\n"u8]);
        var error =
            Assert.Throws<DataException>(() =>
                Preparation.Run(s_tokenizer, null, new(Path.Combine(_folder, "a.jsonl")), Path.Combine(_folder, "tokens")));
        Assert.Contains("a.jsonl, line 2: it is not valid UTF-8 (byte 0xE4 at 10)", error.Message);
    }

    [Fact]
    public void Long_samples_are_cut_left_out_or_refused_and_counted()
    {
        var record = $$"""{"prompt":"a","completion":"{{string.Concat(Enumerable.Repeat("word ", 100))}}"}""";
        var late = $$"""{"prompt":"{{string.Concat(Enumerable.Repeat("word ", 100))}}","completion":"b"}""";
        using (var data = Prepare("a.jsonl", $"{record}\n{late}\n", o => o with { MaxTokens = 50 }))
            Assert.Equal((1, 1, 1, 50L), (data.Report.Samples, data.Report.Cut, data.Report.TooLong, data.Report.Tokens));
        Assert.Contains("no sample to learn from: all 2 are longer than 50 tokens",
            Assert.Throws<DataException>(() =>
                Prepare("a.jsonl", $"{record}\n{late}\n", o => o with { MaxTokens = 50, TooLong = TooLong.Skip })).Message);
        Assert.Contains("a.jsonl, line 1: its sample has",
            Assert.Throws<DataException>(() => Prepare("a.jsonl", record, o => o with { MaxTokens = 50, TooLong = TooLong.Stop })).Message);
    }

    [Fact]
    public void Equal_records_are_on_one_side_in_any_order()
    {
        var records = Enumerable.Range(0, 200).Select(i => $$"""{"prompt":"{{i % 100}}","completion":"{{i % 100}}"}""").ToList();
        string[] Held(IEnumerable<string> lines)
        {
            using var data = Prepare("a.jsonl", string.Join('\n', lines), o => o with { HeldOutShare = 0.1 });
            var held = data.Data.HeldOut.Select(Marked).ToList();
            Assert.Empty(held.Intersect(data.Data.Samples.Select(Marked)));
            Assert.Equal(200, held.Count + data.Data.Samples.Count);
            Assert.Equal(100, data.Report.Duplicates);
            return [.. held.Distinct().Order()];
        }
        var first = Held(records);
        Assert.Equal(20, first.Length);
        records.Reverse();
        Assert.Equal(first, Held(records));
    }

    [Fact]
    public void What_is_held_out_by_hand_is_not_learnt()
    {
        File.WriteAllText(Path.Combine(_folder, "held.jsonl"), """{"prompt":"1","completion":"1"}""");
        using var data = Prepare("a.jsonl", "{\"prompt\":\"1\",\"completion\":\"1\"}\n{\"prompt\":\"2\",\"completion\":\"2\"}\n",
            o => o with { HeldOutPath = Path.Combine(_folder, "held.jsonl") });
        Assert.Equal((1, 1, 1L), (data.Report.Samples, data.Report.HeldOut, data.Report.AlsoHeldOut));
        Assert.StartsWith("2", Marked(data.Data.Samples[0]));
    }

    [Theory]
    [InlineData("""{"prompt":"Q","chosen":"good","rejected":"bad"}""", "Q⟦good<|endoftext|>⟧", "Q⟦bad<|endoftext|>⟧")]
    [InlineData("""{"chosen":[{"role":"user","content":"Q"},{"role":"assistant","content":"good"}],"rejected":[{"role":"user","content":"Q"},{"role":"assistant","content":"bad"}]}""",
        "<|im_start|>user\nQ<|im_end|>\n<|im_start|>assistant\n⟦good<|im_end|>⟧\n",
        "<|im_start|>user\nQ<|im_end|>\n<|im_start|>assistant\n⟦bad<|im_end|>⟧\n")]
    [InlineData("""{"conversations":[{"from":"human","value":"Q"}],"chosen":{"from":"gpt","value":"good"},"rejected":{"from":"gpt","value":"bad"}}""",
        "<|im_start|>user\nQ<|im_end|>\n<|im_start|>assistant\n⟦good<|im_end|>⟧\n",
        "<|im_start|>user\nQ<|im_end|>\n<|im_start|>assistant\n⟦bad<|im_end|>⟧\n")]
    public void Pairs_have_their_prompt_in_front_of_both_answers(string record, string chosen, string rejected)
    {
        using var data = Prepare("a.jsonl", record);
        Assert.Equal((chosen, rejected), (Marked(data.Data.Pairs[0].Chosen), Marked(data.Data.Pairs[0].Rejected)));
    }

    [Fact]
    public async Task Files_of_every_kind_are_read()
    {
        var schema =
            new ParquetSchema(new ListField("messages",
                new StructField("element", new DataField<string>("role"), new DataField<string>("content"))));
        static IDictionary<string, object?> Message(string role, string text) =>
            new Dictionary<string, object?> { ["role"] = role, ["content"] = text };
        List<IDictionary<string, object?>> rows =
            [new Dictionary<string, object?> { ["messages"] =
                new List<IDictionary<string, object?>> { Message("user", "Q"), Message("assistant", "A") } }];
        await using (var stream = File.Create(Path.Combine(_folder, "a.parquet")))
            await ParquetSerializer.SerializeUntypedAsync(rows, schema, stream, cancellationToken: TestContext.Current.CancellationToken);
        await using (var zip = new GZipStream(File.Create(Path.Combine(_folder, "b.jsonl.gz")), CompressionMode.Compress))
            zip.Write(Encoding.UTF8.GetBytes("""{"text":"B"}"""));
        File.WriteAllText(Path.Combine(_folder, "c.json"), """[{"instruction":"Q","output":"C"}]""");
        File.WriteAllText(Path.Combine(_folder, "d.txt"), "D");
        foreach (var (file, text) in ((string, string)[])[("a.parquet", "⟦A<|im_end|>"), ("b.jsonl.gz", "⟦B"),
            ("c.json", "⟦C"), ("d.txt", "⟦D")])
        {
            using var data = Preparation.Run(s_tokenizer, ChatTemplate.Parse(Plain), new(Path.Combine(_folder, file)) { HeldOutShare = 0 },
                Path.Combine(_folder, "tokens"), cancellationToken: TestContext.Current.CancellationToken);
            Assert.Contains(text, Marked(data.Data.Samples[0]));
        }
    }

    [Fact]
    public void Source_code_gets_holes_and_loses_its_duplicates()
    {
        var source = Directory.CreateDirectory(Path.Combine(_folder, "code"));
        File.WriteAllText(Path.Combine(source.FullName, "LICENSE"), "MIT");
        var text = string.Concat(Enumerable.Range(0, 20).Select(i => $"public static int Value{i}() => {i * i};\n"));
        File.WriteAllText(Path.Combine(source.FullName, "A.cs"), text);
        File.WriteAllText(Path.Combine(source.FullName, "B.cs"), text + "// the same\n");
        for (var i = 0; i < 8; i++)
            File.WriteAllText(Path.Combine(source.FullName, $"C{i}.cs"),
                string.Concat(Enumerable.Range(0, 30)
                    .Select(j => $"var word{(i + 1) * (j + 7) % 97} = name{(i + 3) * j % 89}(other{(i + 5) * j % 83});\n")));
        using var data = Preparation.Run(s_tokenizer, null,
            new(source.FullName) { HeldOutShare = 0, Fim = 0.9, Spm = 0.2, MaxTokens = 3000 }, Path.Combine(_folder, "tokens"));
        Assert.Equal((DataFormat.Source, 1), (data.Report.Format, data.Report.NearDuplicates));
        Assert.Equal(["LICENSE"], data.Report.Licences);
        var fim = s_tokenizer.Fim!;
        var holes = data.Data.Samples.Where(s => s.Tokens.Contains(fim.Middle)).ToList();
        Assert.NotEmpty(holes);
        Assert.Contains(holes, s => s.Tokens.Contains(fim.Repo!.Value));
        Assert.All(holes, s => Assert.False(s.Targets[Array.IndexOf(s.Tokens, fim.Middle)]));
        Assert.All(holes, s => Assert.True(s.Targets[^1]));
        Assert.All(data.Data.Samples, s => Assert.InRange(s.Tokens.Length, 1, 3000));
        // What stands around and in the hole is the file.
        var psm = holes.First(s => s.Tokens[0] == fim.Prefix);
        var (suffix, middle) = (Array.IndexOf(psm.Tokens, fim.Suffix), Array.IndexOf(psm.Tokens, fim.Middle));
        var whole = s_tokenizer.Decode(psm.Tokens[1..suffix]) + s_tokenizer.Decode(psm.Tokens[(middle + 1)..^1])
            + s_tokenizer.Decode(psm.Tokens[(suffix + 1)..middle]);
        Assert.Contains(Directory.GetFiles(source.FullName, "*.cs").Select(File.ReadAllText),
            t => t.Contains(whole, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("a")]
    [InlineData("é")]
    [InlineData("榕")]
    [InlineData("🌳")]
    public void Text_without_line_breaks_is_cut_between_characters(string character)
    {
        // Shifted, so that a piece ends at every byte of a character.
        for (var shift = 0; shift < 4; shift++)
        {
            var text = new string('x', shift)
                + string.Concat(Enumerable.Repeat(character, TextFiles.PieceBytes / Encoding.UTF8.GetByteCount(character) + 3));
            var pieces = TextFiles.Read(new MemoryStream(Encoding.UTF8.GetBytes(text)), "a.txt").ToList();
            Assert.Equal(2, pieces.Count);
            Assert.Equal(text, string.Concat(pieces.Select(p => (string?)p.Json?["text"] ?? p.Problem)));
        }
    }

    [Fact]
    public void A_linked_file_is_read_and_a_linked_folder_is_not_entered()
    {
        var data = Directory.CreateDirectory(Path.Combine(_folder, "data"));
        File.WriteAllText(Path.Combine(_folder, "blob"), """{"text":"a"}""");
        File.CreateSymbolicLink(Path.Combine(data.FullName, "a.jsonl"), Path.Combine(_folder, "blob"));
        Directory.CreateSymbolicLink(Path.Combine(data.FullName, "up"), data.FullName);
        using var prepared = Preparation.Run(s_tokenizer, null, new(data.FullName) { HeldOutShare = 0 }, Path.Combine(_folder, "tokens"));
        Assert.Equal((1, 1), (prepared.Report.Files, prepared.Report.Samples));
    }

    [Fact]
    public void The_same_data_is_not_prepared_twice()
    {
        Prepare("a.jsonl", Chat).Dispose();
        var before = File.GetLastWriteTimeUtc(Path.Combine(_folder, "tokens", "tokens.bin"));
        using var again = Preparation.Run(s_tokenizer, ChatTemplate.Parse(Plain),
            new(Path.Combine(_folder, "a.jsonl")) { HeldOutShare = 0 }, Path.Combine(_folder, "tokens"));
        Assert.Equal(before, File.GetLastWriteTimeUtc(Path.Combine(_folder, "tokens", "tokens.bin")));
        Assert.Equal(1, again.Report.Samples);
    }
}
