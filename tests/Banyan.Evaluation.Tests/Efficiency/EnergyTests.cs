using System.Text.Json.Nodes;
using Banyan.Evaluation.Efficiency;
using Banyan.Evaluation.Models;
using Banyan.Evaluation.Models.Http;
using Banyan.Evaluation.Runs;
using Banyan.Evaluation.Transcripts;

namespace Banyan.Evaluation.Tests.Efficiency;

public sealed class EnergyTests : IDisposable
{
    static readonly Uri s_here = new("http://localhost:8080/v1");

    readonly string _folder = Directory.CreateTempSubdirectory("banyan-energy-").FullName;

    string NoProcessor => Path.Combine(_folder, "none");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Cards_are_read_as_they_count()
    {
        var machine = MachineEnergy.For(s_here, NoProcessor, CardsLibrary.Compile(_folder))!;
        Assert.Equal("graphics cards", machine.Of);
        using var measured = machine.Begin();
        Assert.Equal(new EnergyUse(3, "graphics cards"), measured.Used());
        Assert.Equal(new EnergyUse(6, "graphics cards"), measured.Used());
    }

    [Fact]
    public void A_card_that_does_not_count_is_named_as_missing() =>
        Assert.Equal("1 of 2 graphics cards",
            MachineEnergy.For(s_here, NoProcessor, CardsLibrary.Compile(_folder, secondCounts: false))!.Of);

    [Theory]
    [InlineData(2, true, false)]
    [InlineData(2, false, true)]
    [InlineData(0, true, true)]
    public void Where_no_card_counts_nothing_is_measured(int cards, bool function, bool counts) =>
        Assert.Null(MachineEnergy.For(s_here, NoProcessor, CardsLibrary.Compile(_folder, cards, function, counts)));

    [Fact]
    public void Without_the_library_there_is_the_processor_or_nothing()
    {
        var library = Path.Combine(_folder, "libnone.so");
        Assert.Null(MachineEnergy.For(s_here, NoProcessor, library));
        var machine = MachineEnergy.For(s_here, Processor(1_000_000), library)!;
        using var measured = machine.Begin();
        Processor(3_500_000);
        Assert.Equal(new EnergyUse(2.5, "processor"), measured.Used());
    }

    [Fact]
    public void Processor_and_cards_are_added_up()
    {
        var machine = MachineEnergy.For(s_here, Processor(9_000_000), CardsLibrary.Compile(_folder))!;
        using var measured = machine.Begin();
        Processor(500_000); // began anew at 10 J
        Assert.Equal(new EnergyUse(1.5 + 3, "processor and graphics cards"), measured.Used());
        File.Delete(Path.Combine(_folder, "intel-rapl:0", "energy_uj"));
        Assert.Null(measured.Used()); // the cards alone are not the whole
    }

    [Fact]
    public void Of_answers_that_overlap_it_is_nobodys()
    {
        var machine = MachineEnergy.For(s_here, Processor(0), NoProcessor)!;
        using (var first = machine.Begin())
        {
            using (var second = machine.Begin())
                Assert.Null(second.Used());
            Assert.Null(first.Used());
        }
        using var third = machine.Begin();
        Assert.NotNull(third.Used());
    }

    [Theory]
    [InlineData("http://127.0.0.1:8080/v1", true)]
    [InlineData("http://[::1]:8080/v1", true)]
    [InlineData("http://192.168.1.2/v1", false)]
    [InlineData("https://example.org/v1", false)]
    public void A_server_elsewhere_is_not_measured(string address, bool here) =>
        Assert.Equal(here, MachineEnergy.For(new(address), Processor(0), NoProcessor) is not null);

    [Fact]
    public async Task A_server_on_this_machine_is_measured_while_it_answers()
    {
        using var server = new LoopbackServer(_ =>
        {
            Processor(2_000_000);
            return new(200, """{"model":"m","choices":[{"message":{"content":"fine"},"finish_reason":"stop"}]}""");
        });
        await using var model = new OpenAiModel(new(server.Address, "v1"), "m", null,
            energy: MachineEnergy.For(server.Address, Processor(0), CardsLibrary.Compile(_folder)));
        var answer = await model.AnswerAsync(new(PromptKind.Chat, "?"), new SamplingSettings(), 0, TestContext.Current.CancellationToken);
        Assert.Equal((5.0, "processor and graphics cards"), (answer.Joules, answer.EnergyOf));
    }

    [Theory]
    [InlineData(null, "measured (RAPL)")] // as results were before there was a choice
    [InlineData("processor", "measured (RAPL)")]
    [InlineData("graphics cards", "measured (NVML)")]
    [InlineData("processor and graphics cards", "measured (RAPL, NVML)")]
    [InlineData("1 of 2 graphics cards", "measured (NVML)")]
    [InlineData("processor and 1 of 2 graphics cards", "measured (RAPL, NVML)")]
    public void A_result_names_what_its_energy_covers(string? of, string energy)
    {
        var json = RunFile.ToJson(Result(of, of))["efficiency"]!.AsObject();
        Assert.Equal((12.0, energy, of), ((double)json["joules"]!, (string?)json["energy"], (string?)json["energyOf"]));
        Assert.Equal(of is not null, json.ContainsKey("energyOf"));
    }

    [Fact]
    public void Answers_measured_by_other_counters_are_not_added_up()
    {
        var json = RunFile.ToJson(Result("processor", "graphics cards"))["efficiency"]!.AsObject();
        Assert.Equal("not measured", (string?)json["energy"]);
        Assert.False(json.ContainsKey("joules"));
        Assert.Equal("measured (RAPL)", (string?)RunFile.ToJson(Result(null, "processor"))["efficiency"]!["energy"]);
    }

    [Fact]
    public void A_result_is_read_as_it_was_written()
    {
        var (result, file) = (Result("graphics cards", "graphics cards"), Path.Combine(_folder, "result.json"));
        RunFile.Write(result, file);
        Assert.Equal(["graphics cards", "graphics cards"], RunFile.Read(file).Items.Select(i => i.EnergyOf));
        Assert.True(JsonNode.DeepEquals(RunFile.ToJson(result), RunFile.ToJson(RunFile.Read(file))));
    }

    [Fact]
    public void A_transcript_from_before_there_was_a_choice_is_read()
    {
        var file = Path.Combine(_folder, "transcript.jsonl");
        File.WriteAllText(file, """
            {"task":"t","item":"i","sample":0,"prompt":"chat","promptHash":"h","sampling":{"temperature":0,"topP":1,"maxTokens":9},"requestedModel":"m","returnedModel":"m","answer":"a","seconds":1,"joules":6,"at":"2026-01-01T00:00:00+00:00"}

            """);
        var entry = Assert.Single(Transcript.Read(file));
        Assert.Equal((6.0, null), (entry.Joules, entry.EnergyOf));
    }

    [Fact]
    public void In_a_picture_other_counters_have_their_name()
    {
        Assert.Equal("m (graphics cards)", ParetoPlot.Place(Result("graphics cards"), ParetoAxis.Energy)!.Label);
        Assert.Equal("m", ParetoPlot.Place(Result("processor"), ParetoAxis.Energy)!.Label);
        Assert.Equal("m", ParetoPlot.Place(Result("graphics cards"), ParetoAxis.Seconds)!.Label);
    }

    /// <summary>Counters as Linux shows them, which begin anew at 10 J.</summary>
    string Processor(long microjoules)
    {
        var package = Directory.CreateDirectory(Path.Combine(_folder, "intel-rapl:0")).FullName;
        File.WriteAllText(Path.Combine(package, "name"), "package-0\n");
        File.WriteAllText(Path.Combine(package, "max_energy_range_uj"), "10000000\n");
        File.WriteAllText(Path.Combine(package, "energy_uj"), $"{microjoules}\n");
        return _folder;
    }

    static RunResult Result(params string?[] of) => new()
    {
        Task = "humaneval",
        Model = "m",
        RequestedModel = "m",
        Prompt = "chat",
        Sampling = new(),
        SamplesPerItem = 1,
        TaskItems = 164,
        Hashes = new("d", "p", "h"),
        Items = [.. of.Select((o, i) => new ItemOutcome($"HumanEval/{i}", $"HumanEval/{i}", 0, true, "", "", "") { Seconds = 2,
            Joules = 6, EnergyOf = o })],
    };
}
