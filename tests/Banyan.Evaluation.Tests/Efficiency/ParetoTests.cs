using System.Globalization;
using System.Xml.Linq;
using Banyan.Evaluation.Efficiency;
using Banyan.Evaluation.Runs;
using Banyan.Evaluation.Statistics;
using Banyan.Evaluation.Transcripts;
using CsCheck;

namespace Banyan.Evaluation.Tests.Efficiency;

public class ParetoTests
{
    static readonly XNamespace s_svg = "http://www.w3.org/2000/svg";

    static ParetoPlot.Point Point(string label, double price, double score) =>
        new(label, price, score, new(Math.Max(0, score - 0.07), Math.Min(1, score + 0.07)));

    static RunResult Result(string model, int right, int items, decimal? cost = null, double? joules = null, long? memory = null,
        string prompt = "chat") => new()
        {
            Task = "humaneval",
            Model = model,
            RequestedModel = model,
            Prompt = prompt,
            Sampling = new SamplingSettings(),
            SamplesPerItem = 1,
            TaskItems = 164,
            Hashes = new("d", "p", "h"),
            Items = [.. Enumerable.Range(0, items)
            .Select(i => new ItemOutcome($"HumanEval/{i}", $"HumanEval/{i}", 0, i < right, "", "", "") { Seconds = 2, AnswerTokens = 100,
                Cost = cost, Joules = joules, PeakMemoryBytes = memory })],
        };

    [Fact]
    public void A_result_stands_where_it_was_measured_and_nowhere_else()
    {
        var result = Result("m", 30, 40, cost: 0.002m, memory: 3_000_000_000);
        Assert.Equal((0.002, 0.75), (ParetoPlot.Place(result, ParetoAxis.Cost)!.Price, ParetoPlot.Place(result, ParetoAxis.Cost)!.Score));
        Assert.Equal(2, ParetoPlot.Place(result, ParetoAxis.Seconds)!.Price);
        Assert.Equal(3, ParetoPlot.Place(result, ParetoAxis.Memory)!.Price);
        Assert.Equal(100, ParetoPlot.Place(result, ParetoAxis.Tokens)!.Price);
        Assert.Null(ParetoPlot.Place(result, ParetoAxis.Energy));
        Assert.Null(ParetoPlot.Place(Result("free", 1, 2, cost: 0), ParetoAxis.Cost));
        Assert.Equal("m (vendor's prompt)", ParetoPlot.Place(Result("m", 1, 2, prompt: "vendor"), ParetoAxis.Seconds)!.Label);
        Assert.Contains("energy measured",
            Assert.Throws<EvaluationException>(() => ParetoPlot.Draw("humaneval", ParetoAxis.Energy, [])).Message);
    }

    [Fact]
    public void The_line_is_of_those_that_no_other_beats_in_both() => Check.Sample(
        Gen.Select(Gen.Int[1, 6], Gen.Int[0, 5]).List[1, 12], drawn =>
        {
            var points = drawn.Select((p, i) => Point($"m{i}", p.Item1, p.Item2 / 5.0)).ToList();
            var frontier = ParetoPlot.Frontier(points);
            foreach (var point in points)
            {
                var beaten =
                    points.Any(o => o.Price <= point.Price && o.Score >= point.Score && (o.Price < point.Price || o.Score > point.Score));
                Assert.Equal(!beaten, frontier.Any(f => f.Price == point.Price && f.Score == point.Score));
            }
            Assert.Equal(frontier.OrderBy(f => f.Price), frontier);
        });

    [Fact]
    public void A_picture_is_whole_and_names_cover_neither_points_nor_one_another()
    {
        var points = new List<ParetoPlot.Point>
        {
            Point("sprout-Q8_0@sha256:0123456789ab", 0.02, 0.05), Point("coder-1.5b-Q4_K_M@sha256:ab (vendor's prompt)", 0.5, 0.43),
            Point("coder-1.5b-Q8_0@sha256:cd", 0.55, 0.45),
            Point("coder-7b-Q4_K_M", 2.4, 0.83), Point("coder-7b <b>&", 2.5, 0.84), Point("coder-7b-bf16", 2.6, 0.83),
            Point("a-very-long-name-of-a-model-that-nobody-would-give", 90, 0.99), Point("gpt", 95, 0.97),
        };
        var svg = XDocument.Parse(ParetoPlot.Draw("humaneval+", ParetoAxis.Seconds, points)).Root!;
        var circles = svg.Elements(s_svg + "circle").Select(c => (X: Number(c, "cx"), Y: Number(c, "cy"))).ToList();
        Assert.Equal(points.Count, circles.Count);
        Assert.Equal([.. points.OrderBy(p => p.Price).Select(p => p.Label)],
            points.Zip(circles).OrderBy(p => p.Second.X).Select(p => p.First.Label));
        var names = svg.Elements(s_svg + "text").ToList().GetRange(svg.Elements(s_svg + "text").Count() - points.Count, points.Count);
        Assert.Equal("sprout-Q8_0", names[0].Value);
        Assert.Equal("coder-1.5b-Q4_K_M (vendor's prompt)", names[1].Value);
        Assert.Equal("coder-7b <b>&", names[4].Value);
        Assert.EndsWith("…", names[6].Value);
        Assert.Contains(points[6].Label, svg.ToString());

        var rooms =
            names.Select(n => new ParetoLabels.Box(Number(n, "x"), Number(n, "y") - 10, Number(n, "x") + n.Value.Length * 6.5,
                Number(n, "y") + 3)).ToList();
        var (width, height) = (Number(svg, "width"), Number(svg, "height"));
        for (var i = 0; i < rooms.Count; i++)
        {
            Assert.True(rooms[i].Left >= 0 && rooms[i].Right <= width && rooms[i].Top >= 0 && rooms[i].Bottom <= height, names[i].Value);
            for (var j = 0; j < rooms.Count; j++)
            {
                Assert.True(i == j || rooms[i].Overlap(rooms[j]) == 0, $"{names[i].Value} covers {names[j].Value}");
                Assert.True(rooms[i].Overlap(new(circles[j].X - 4, circles[j].Y - 4, circles[j].X + 4, circles[j].Y + 4)) == 0,
                    $"{names[i].Value} covers the point of {names[j].Value}");
            }
        }
    }

    static double Number(XElement element, string name) => double.Parse(element.Attribute(name)!.Value, CultureInfo.InvariantCulture);
}
