using Banyan.Server.Reports;
using Banyan.Server.Tests.Support;
using Banyan.Tests;

namespace Banyan.Server.Tests.Pages;

/// <summary>
/// An evaluation report that was pushed to a repository, written by <c>banyan eval report</c>: of a model that is tiny, and right in
/// nothing.
/// </summary>
public sealed class ReportPageTests(SharedHub shared)
{
    static readonly string s_report =
        File.ReadAllText(Path.Combine(SharedData.Repository, "tests", "Banyan.Server.Tests", "Pages", "Data", "report.json"));

    [Fact]
    public async Task A_report_is_shown_with_its_intervals_and_a_changed_one_is_nobodys()
    {
        var hub = await shared.GetAsync();
        var repo = await hub.CreateRepoAsync("measured");
        await hub.CommitFilesAsync(repo, hub.Ana,
            ("README.md",
                "---\nmodel-index:\n- name: m\n  results:\n  - dataset: {name: <b>MMLU}\n    metrics: [{type: accuracy, value: 99.9}]\n---\n# Measured"),
            ("evaluation/report.json", s_report),
            ("changed/report.json", s_report.Replace("\"pass@1\": 0", "\"pass@1\": 1")),
            ("other/report.json", "{\"report\": {\"version\": 1}}"));
        foreach (var (path, isValid) in new[] { ("evaluation", true), ("changed", false) })
        {
            var (status, html, _) = await shared.PageAsync($"/{repo}/blob/main/{path}/report.json");
            Assert.Equal(200, status);
            Assert.Contains(isValid ? "signature valid" : "signature not valid", html);
            Assert.Equal(!isValid, html.Contains("changed after it was signed", StringComparison.Ordinal));
            Assert.Contains($"{(isValid ? "0.0" : "100.0")} %, between 0.0 and 49.0 %", html);
            Assert.Contains("(temperature 0.8)", html);
            Assert.Contains("undecided", html);
        }
        Assert.DoesNotContain("signature", (await shared.PageAsync($"/{repo}/blob/main/other/report.json")).Html);
        var card = (await shared.PageAsync($"/{repo}")).Html;
        Assert.Contains("signature valid", card);
        Assert.Contains("signature not valid", card);
        Assert.Contains("&lt;b&gt;MMLU</th><td>accuracy</td><td class=\"num\">99.9</td>", card);
    }

    [Theory]
    [InlineData("\"version\": 1", "\"version\": 2")]
    [InlineData("\"interval\": [", "\"interval\": [7, ")]
    [InlineData("\"pass@1\": 0", "\"pass@1\": 1e9")]
    [InlineData("\"task\": \"", "\"task\": [], \"x\": \"")]
    [InlineData("\"publicKey\": \"", "\"publicKey\": 7, \"y\": \"")]
    [InlineData("{", "")]
    public void What_is_no_report_is_none(string from, string to) =>
        Assert.Null(SignedReport.Read(System.Text.Encoding.UTF8.GetBytes(s_report.Replace(from, to))));
}
