using System.CommandLine;

var banyan = new RootCommand("Share, run, adapt, measure and spread open AI models.");
return await banyan.Parse(args).InvokeAsync();
