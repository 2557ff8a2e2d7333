using System.Diagnostics;
using System.Text.RegularExpressions;
using Banyan.Cli.Tests.Faults;
using Banyan.Server.Tests.Pages;
using Banyan.Tests;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Banyan.Cli.Tests.Commands;

/// <summary>
/// What a newcomer does with a new hub, by the program itself and a real Chromium without script:
/// <code>
/// up → the printed link → an account → a repository → a folder uploaded → found by search → a discussion → a pull request → merged
/// </code>
/// <c>BANYAN_TEST_PICTURES=docs</c> keeps the pictures that the documentation shows.
/// </summary>
public sealed partial class NewcomerTests(Browser browser) : IDisposable
{
    readonly DirectoryInfo _data = Directory.CreateTempSubdirectory("banyan-test-");

    [Fact]
    public async Task A_newcomer_shares_a_model_and_merges_a_change()
    {
        var folder = Folder();
        var port = HubProcess.FreePort();
        using var banyan = Process.Start(BanyanProgram.Start("up", "--data", Path.Combine(_data.FullName, "hub"), "--port", $"{port}"))!;
        try
        {
            var link = "";
            while (link.Length == 0 && await banyan.StandardOutput.ReadLineAsync() is { } line)
                link = SetUpLink().Match(line).Value;
            var page = await browser.OpenAsync($"http://localhost:{port}", height: 860, script: false);

            await page.GotoAsync(link);
            await page.GetByLabel("Name", new() { Exact = false }).First.FillAsync("ana");
            await page.GetByLabel("Password").FillAsync("a long enough password");
            await ClickAsync(page, "Go");
            await Expect(page.GetByRole(AriaRole.Heading, new() { Name = "ana" })).ToBeVisibleAsync();

            await page.GetByLabel("You, ana").ClickAsync();
            await page.GetByRole(AriaRole.Link, new() { Name = "New repository" }).ClickAsync();
            await page.GetByLabel("Name").FillAsync("gado-gado");
            await ClickAsync(page, "Make it");

            await page.GetByRole(AriaRole.Link, new() { Name = "Upload files" }).ClickAsync();
            await page.GetByLabel("What changes").FillAsync("The model, its tokenizer and a card");
            await page.GetByLabel("Or a whole folder").SetInputFilesAsync(folder);
            await KeepAsync(page, "newcomer-upload.webp");
            await ClickAsync(page, "Upload");
            await Expect(page.GetByRole(AriaRole.Link, new() { Name = "samples/", Exact = true })).ToBeVisibleAsync();

            // Whoever looks for it finds it by a word of the card.
            await page.GotoAsync("/");
            await page.GetByRole(AriaRole.Searchbox).FillAsync("peanut sauce");
            await page.GetByRole(AriaRole.Searchbox).PressAsync("Enter");
            await KeepAsync(page, "newcomer-search.webp");
            await page.GetByRole(AriaRole.Link, new() { Name = "ana/gado-gado" }).ClickAsync();
            await Expect(page.Locator("aside.facts")).ToContainTextAsync("2.8M");
            await Expect(page.Locator("article.card math")).ToBeVisibleAsync();
            await KeepAsync(page, "newcomer-model.webp");

            await page.GetByRole(AriaRole.Link, new() { Name = "Community" }).ClickAsync();
            await page.GetByLabel("Title").FillAsync("Which languages?");
            await page.GetByLabel("Text").FillAsync("The card says *code*. Is it **C#** alone?");
            await ClickAsync(page, "Begin");
            await Expect(page.Locator("article.comment strong")).ToHaveTextAsync("C#");

            // The answer is a change of the card, proposed before it is made.
            await File.WriteAllTextAsync(Path.Combine(folder, "README.md"), Card.Replace("Completes code.", "Completes C# and Python."));
            await page.GetByRole(AriaRole.Link, new() { Name = "Community" }).ClickAsync();
            await page.GetByRole(AriaRole.Link, new() { Name = "Propose changes to files" }).ClickAsync();
            await page.GetByLabel("What changes").FillAsync("The card names the languages");
            await page.GetByLabel("Save it as").SelectOptionAsync("pull");
            await page.GetByLabel("Files", new() { Exact = true }).SetInputFilesAsync(Path.Combine(folder, "README.md"));
            await ClickAsync(page, "Upload");
            await Expect(page.Locator(".diff .add")).ToContainTextAsync("Completes C# and Python.");
            await KeepAsync(page, "newcomer-change.webp");
            await ClickAsync(page, "Merge");
            await Expect(page.GetByText("pull request, merged")).ToBeVisibleAsync();

            await page.GotoAsync("/ana/gado-gado");
            await Expect(page.Locator("article.card")).ToContainTextAsync("Completes C# and Python.");
            Assert.Equal(await File.ReadAllBytesAsync(Path.Combine(folder, "sprout-Q8_0.gguf")),
                await (await page.APIRequest.GetAsync("/ana/gado-gado/resolve/main/sprout-Q8_0.gguf")).BodyAsync());
            await page.Context.CloseAsync();
        }
        finally
        {
            if (!banyan.HasExited)
                banyan.Kill(entireProcessTree: true);
            await banyan.WaitForExitAsync();
        }
    }

    static Task ClickAsync(IPage page, string button) =>
        page.GetByRole(AriaRole.Button, new() { Name = button, Exact = true }).ClickAsync();

    const string Card = """
        ---
        license: apache-2.0
        pipeline_tag: text-generation
        language: [en, id]
        base_model: banyan/sprout
        tags: [code]
        ---
        # Gado-gado

        Completes code. As its name says it is a mixture of small things, held together by peanut sauce.

        | file | what it is |
        |---|---|
        | `sprout-Q8_0.gguf` | the weights, 8 bits each |
        | `samples/first.cs` | what it was asked to complete |

        A token is drawn with probability $p_i = \frac{e^{z_i / T}}{\sum_j e^{z_j / T}}$.
        """;

    /// <summary>A folder as somebody has it: a model in it, a folder in it, and git's own.</summary>
    string Folder()
    {
        var folder = Directory.CreateDirectory(Path.Combine(_data.FullName, "gado-gado")).FullName;
        foreach (var inner in (string[])["samples", ".git"])
            Directory.CreateDirectory(Path.Combine(folder, inner));
        File.Copy(Path.Combine(SharedData.Repository, "models", "sprout", "sprout-Q8_0.gguf"), Path.Combine(folder, "sprout-Q8_0.gguf"));
        File.WriteAllText(Path.Combine(folder, "README.md"), Card);
        File.WriteAllText(Path.Combine(folder, "samples", "first.cs"), "int Add(int a, int b)\n{\n");
        File.WriteAllText(Path.Combine(folder, ".git", "HEAD"), "ref: refs/heads/main\n");
        return folder;
    }

    static readonly string? s_pictures = Environment.GetEnvironmentVariable("BANYAN_TEST_PICTURES") is { Length: > 0 } path ? path : null;

    static async Task KeepAsync(IPage page, string name)
    {
        if (s_pictures is null)
            return;
        var session = await page.Context.NewCDPSessionAsync(page);
        var picture = await session.SendAsync("Page.captureScreenshot", new() { ["format"] = "webp", ["quality"] = 62 });
        await File.WriteAllBytesAsync(Path.Combine(s_pictures, name), picture!.Value.GetProperty("data").GetBytesFromBase64());
    }

    [GeneratedRegex(@"http://\S+/join\?code=[A-Za-z0-9_-]+")]
    private static partial Regex SetUpLink();

    public void Dispose() => _data.Delete(recursive: true);
}
