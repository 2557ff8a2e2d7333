using System.Text;
using System.Xml.Linq;
using Banyan.Evaluation.Languages;

namespace Banyan.Evaluation.Tests.Languages;

public class LanguageCostTests
{
    [Fact]
    public void Every_language_has_the_same_sentences()
    {
        Assert.True(ParallelSentences.All.Count >= 25);
        Assert.Equal("en", ParallelSentences.All[0].Code);
        Assert.Equal(ParallelSentences.All.Count, ParallelSentences.All.DistinctBy(l => l.Code).Count());
        Assert.All(ParallelSentences.All, language =>
        {
            Assert.Equal(10, language.Sentences.Count);
            Assert.Equal(language.Sentences, language.Sentences.Select(s => s.Normalize(NormalizationForm.FormC)));
            Assert.Equal(10, language.Sentences.Distinct().Count());
            // A question stays one, and the longest is no paragraph: the sentences say the same.
            Assert.All(language.Sentences, s => Assert.InRange(s.Length, 6, 110));
        });
        // No sentence strayed into another language.
        Assert.Equal(ParallelSentences.All.Count * 10, ParallelSentences.All.SelectMany(l => l.Sentences).Distinct().Count());
    }

    [Fact]
    public void Costs_are_multiples_of_English()
    {
        var costs = LanguageCost.Measure(Encoding.UTF8.GetByteCount);
        Assert.Equal((1.0, 1.0, 1.0), (costs[0].Ratio, costs[0].Interval.Low, costs[0].Interval.High));
        Assert.All(costs, c => Assert.True(c.Interval.Contains(c.Ratio)));
        Assert.Equal(costs[0].Language.Sentences.Sum(s => s.Length), costs[0].Tokens);
        // three bytes a letter
        Assert.All(costs.Where(c => c.Language.Code is "hi" or "ta" or "am" or "th" or "bn"),
            c => Assert.True(c.Ratio > 1.4, c.Language.Name));
    }

    [Fact]
    public void The_picture_is_an_image_without_foreign_parts()
    {
        var costs = LanguageCost.Measure(s => s.Length);
        var picture = LanguageCostPicture.Draw([("a <model>", costs), ("b", costs)]);
        var svg = XDocument.Parse(picture);
        Assert.Contains("a <model>", svg.Root!.Value);
        Assert.DoesNotContain("http", picture.Replace("http://www.w3.org/2000/svg", ""));
        Assert.Throws<EvaluationException>(() => LanguageCostPicture.Draw([.. Enumerable.Repeat(("m", costs), 7)]));
    }
}
